"""The tree of errors: one class per status code, and every error survives a trip."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import grpc
import pytest

import omni_api
from omni_api import CallError, OmniError, UnsentError, errors
from omni_api.errors import BY_CODE, class_for

CLASSES = [getattr(errors, name) for name in errors.__all__]
OF_CALLS = [kind for kind in CLASSES if issubclass(kind, CallError)]
OF_OTHERS = [kind for kind in CLASSES if not issubclass(kind, CallError)]
# What some of them have to be told besides their words.
FETCHED: dict[str, object] = {"url": "https://host/a.iso", "status": 404, "bytes_received": 3}
FACTS: dict[type[OmniError], dict[str, object]] = {
    errors.AssetNotFoundError: FETCHED,
    errors.DamagedDownloadError: FETCHED,
    errors.DownloadError: FETCHED,
    errors.MalformedEventError: {"position": 3, "id": 0, "reason": "it is not JSON"},
    errors.MissingEventsError: {"first_id": 4, "last_id": 6, "checkpoint": 6},
}
CODES = [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK]
TRIPS: list[Callable[[OmniError], OmniError]] = [
    copy.copy,
    copy.deepcopy,
    *(
        lambda error, protocol=protocol: pickle.loads(pickle.dumps(error, protocol))
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
    ),
]


def of_call(kind: type[CallError] = CallError, details: str = "words") -> CallError:
    return kind(
        details,
        code=grpc.StatusCode.ABORTED,
        method="/management.ManagementService/ListUsers",
        hint="Do this next",
        attempts=3,
        outcome_unknown=True,
        chunks=7,
        bytes_received=4096,
    )


@pytest.mark.parametrize("code", CODES, ids=lambda code: str(code.name))
def test_every_status_code_but_ok_has_a_class_of_its_own(code: grpc.StatusCode) -> None:
    kind = class_for(code, "")
    assert kind is BY_CODE[code]
    assert kind is not CallError
    words = kind.__name__.removeprefix("Call").removesuffix("Error")
    assert words.upper() == code.name.replace("_", "")


def test_no_two_codes_share_a_class() -> None:
    assert len(set(BY_CODE.values())) == len(BY_CODE) == len(CODES)


@pytest.mark.parametrize("trip", TRIPS)
@pytest.mark.parametrize("kind", OF_CALLS, ids=lambda kind: str(kind.__name__))
def test_an_error_of_a_call_arrives_with_all_that_it_knows(
    kind: type[CallError], trip: Callable[[OmniError], OmniError]
) -> None:
    error = of_call(kind)
    error.add_note("seen by the test")
    arrived = trip(error)
    assert type(arrived) is kind
    assert arrived is not error
    assert vars(arrived) == vars(error)
    assert arrived.args == error.args
    assert str(arrived) == str(error)
    assert arrived.__notes__ == ["seen by the test"]


@pytest.mark.parametrize("trip", TRIPS)
@pytest.mark.parametrize("kind", OF_OTHERS, ids=lambda kind: str(kind.__name__))
def test_any_other_error_arrives_with_its_words(
    kind: type[OmniError], trip: Callable[[OmniError], OmniError]
) -> None:
    error = kind("start must be a day", **FACTS.get(kind, {}))
    arrived = trip(error)
    assert type(arrived) is kind
    assert vars(arrived) == vars(error)
    assert str(arrived) == "start must be a day"


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: str(kind.__name__))
def test_every_error_is_public_documented_and_below_one_root(kind: type[Exception]) -> None:
    assert issubclass(kind, OmniError)
    assert getattr(omni_api, kind.__name__) is kind
    assert kind.__doc__


def test_every_class_of_the_tree_is_listed() -> None:
    def below(kind: type[OmniError]) -> set[type[OmniError]]:
        return {kind}.union(*(below(child) for child in kind.__subclasses__()))

    ours = {kind for kind in below(OmniError) if kind.__module__ == "omni_api.errors"}
    assert ours == set(CLASSES)


def test_errors_are_also_what_python_calls_them() -> None:
    assert issubclass(omni_api.DeadlineExceededError, TimeoutError)
    assert issubclass(omni_api.InvalidArgumentError, ValueError)
    assert issubclass(omni_api.InvalidInputError, ValueError)


@pytest.mark.parametrize(
    "kind",
    [
        errors.InvalidInputError,
        errors.ReadOnlyError,
        errors.ConfigurationError,
        errors.ExpiredKeyError,
        errors.ForeignKeyError,
        errors.DamagedKeyError,
        errors.LockedKeyError,
    ],
)
def test_what_is_refused_before_sending_is_no_error_of_a_call(kind: type[OmniError]) -> None:
    assert issubclass(kind, UnsentError)
    assert not issubclass(kind, CallError)


@pytest.mark.parametrize(
    ("details", "kind"),
    [
        ("identity a@example.org already exists", errors.AlreadyExistsError),
        ("user with email a@example.org already exists\n", errors.AlreadyExistsError),
        (
            "failed to get cluster UUID: resource ClusterUUIDs.omni.sidero.dev(default/x@undefined)"
            " doesn't exist",
            errors.NotFoundError,
        ),
        (
            "failed to get kubernetes client kubeconfig for cluster x is not found",
            errors.NotFoundError,
        ),
        ("key expired", errors.UnknownError),
        ("already exists, they say, but it does not", errors.UnknownError),
        ("", errors.UnknownError),
    ],
)
def test_an_unknown_answer_is_told_apart_by_its_words(details: str, kind: type[CallError]) -> None:
    assert class_for(grpc.StatusCode.UNKNOWN, details) is kind


@pytest.mark.parametrize("code", [code for code in CODES if code is not grpc.StatusCode.UNKNOWN])
def test_an_answer_with_a_code_is_not_told_apart_by_its_words(code: grpc.StatusCode) -> None:
    assert class_for(code, "it already exists") is BY_CODE[code]


def test_the_text_of_an_error_names_all_that_matters() -> None:
    text = str(of_call())
    assert text == (
        "management.ManagementService/ListUsers: ABORTED: words (after 7 messages, 4096 bytes) "
        "(sent 3 times). The call may have been carried out; look before you send it again. "
        "Do this next"
    )


def test_the_text_of_a_plain_error_is_short() -> None:
    error = CallError("words", code=grpc.StatusCode.NOT_FOUND, method="/a.B/C")
    assert str(error) == "a.B/C: NOT_FOUND: words"
    assert (error.attempts, error.chunks, error.outcome_unknown) == (1, 0, False)


def test_the_servers_words_stay_as_they_came() -> None:
    words = "1 error occurred:\n\t* one: machine type is not valid\n\n"
    assert of_call(details=words).details == words
    assert words in str(of_call(details=words))
