"""Endpoints: what a URL means for dialing, and what its errors do not repeat."""

from __future__ import annotations

import ipaddress

import pytest
from laws import given, st

from omni_api import InvalidInputError
from omni_api._core.endpoint import Endpoint, parse

LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
NAMES = st.lists(LABEL, min_size=1, max_size=4).map(".".join)
HOSTS = NAMES | st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(str)
PORTS = st.integers(min_value=1, max_value=65535)


@pytest.mark.parametrize(
    ("url", "host", "port", "secure"),
    [
        ("https://omni.example.com", "omni.example.com", 443, True),
        ("https://omni.example.com:8443", "omni.example.com", 8443, True),
        ("https://omni.example.com:", "omni.example.com", 443, True),
        ("https://omni.example.com./", "omni.example.com.", 443, True),
        ("http://omni.example.com", "omni.example.com", 80, False),
        ("http://omni:8080", "omni", 8080, False),
        ("grpc://127.0.0.1:8080", "127.0.0.1", 8080, False),
        ("grpc://my_host", "my_host", 80, False),
        ("HTTPS://Omni.Example.Com", "Omni.Example.Com", 443, True),
        ("  https://omni.example.com\n", "omni.example.com", 443, True),
        ("https://[2001:db8::1]", "2001:db8::1", 443, True),
        ("https://[2001:db8::1]:8443", "2001:db8::1", 8443, True),
        ("grpc://[::1]", "::1", 80, False),
        ("grpc://[fe80::1%eth0]:50051", "fe80::1%eth0", 50051, False),
        ("grpc://[::ffff:10.0.0.1]:1", "::ffff:10.0.0.1", 1, False),
    ],
)
def test_a_url_names_host_port_and_whether_to_use_tls(
    url: str, host: str, port: int, secure: bool
) -> None:
    assert parse(url) == Endpoint(host=host, port=port, secure=secure)


@pytest.mark.parametrize(
    "rest", ["/", "/api/v1", "?a=b", "#top", "/a?b=c#d", "/@x:9", "?q=http://x"]
)
def test_path_and_query_are_ignored(rest: str) -> None:
    assert parse(f"https://omni.example.com:8443{rest}") == parse("https://omni.example.com:8443")


@pytest.mark.parametrize("user", ["me@", "me:hunter2@", ":hunter2@", "a@b:hunter2@"])
def test_user_info_is_ignored_and_not_shown(user: str) -> None:
    endpoint = parse(f"https://{user}omni.example.com/")
    assert endpoint == parse("https://omni.example.com")
    assert "hunter2" not in f"{endpoint} {endpoint!r} {endpoint.target}"


@pytest.mark.parametrize(
    "url",
    [
        "https://me:hunter2@bad host",
        "https://me:hunter2@omni:99999",
        "https://me:hunter2@",
        "https://me:hunter2@[::1",
        "ftp://me:hunter2@omni",
        "me:hunter2@omni.example.com",
        "//me:hunter2@omni.example.com",
        "https://me:hunter2/3@omni.example.com",
    ],
)
def test_an_error_does_not_repeat_user_info(url: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["ftp", "htps", "grpcs", "unix", "dns", ""])
def test_an_unknown_scheme_is_refused_and_named(scheme: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse(f"{scheme}://omni.example.com")
    assert repr(scheme) in str(caught.value)
    assert "https://HOST[:PORT]" in str(caught.value)


@pytest.mark.parametrize("url", ["omni.example.com", "omni.example.com:443", "localhost", ""])
def test_a_url_without_scheme_is_refused_and_named(url: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse(url)
    assert f"{url!r}, which has no scheme" in str(caught.value)


@pytest.mark.parametrize(
    "port", ["0", "65536", "abc", "-1", "4 43", "8.0", "\u0664\u0664\u0663", "1:2", "00"]
)
def test_a_port_out_of_range_is_refused_and_named(port: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse(f"https://omni.example.com:{port}")
    assert f"endpoint port must be 1 to 65535, not {port!r}" in str(caught.value)


def test_a_port_of_thousands_of_digits_is_refused_like_any_other() -> None:
    with pytest.raises(InvalidInputError, match="endpoint port must be 1 to 65535"):
        parse("https://omni.example.com:" + "9" * 5000)


@pytest.mark.parametrize(
    "authority",
    [
        "",
        ":443",
        "-omni",
        "omni-",
        ".omni",
        "om ni",
        "[::1",
        "[omni]",
        "[]",
        "[:::]",
        "[1:2]",
        "[::1%]",
        "[127.0.0.1]",
        "[::1]x",
        "::1",
        "\u00f6.de",
    ],
)
def test_what_is_no_host_is_refused(authority: str) -> None:
    with pytest.raises(InvalidInputError, match="is no host name or address"):
        parse(f"https://{authority}")


def test_a_key_pasted_as_endpoint_is_not_repeated_in_full() -> None:
    pasted = "eyJuYW1lIjoiY2kiLCJwZ3Bfa2V5Ijoi" * 30
    with pytest.raises(InvalidInputError) as caught:
        parse(pasted)
    assert pasted[:40] not in str(caught.value)
    assert f"({len(pasted)} characters)" in str(caught.value)


@pytest.mark.parametrize("value", [None, 443, b"https://omni.example.com", ["https://x"]])
def test_an_endpoint_that_is_no_text_is_refused_with_its_type(value: object) -> None:
    with pytest.raises(InvalidInputError, match=type(value).__name__):
        parse(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("LocalHost.", True),
        ("127.0.0.1", True),
        ("127.0.0.2", True),
        ("[::1]", True),
        ("[::1%lo]", True),
        ("example.com", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("10.0.0.1", False),
        ("0.0.0.0", False),
        ("[2001:db8::1]", False),
    ],
)
def test_an_endpoint_knows_whether_it_is_this_machine(host: str, loopback: bool) -> None:
    assert parse(f"https://{host}:443").is_loopback is loopback


@given(HOSTS, PORTS, st.booleans())
def test_the_text_of_an_endpoint_reads_as_the_same_endpoint(
    host: str, port: int, secure: bool
) -> None:
    endpoint = Endpoint(host=host, port=port, secure=secure)
    assert parse(str(endpoint)) == endpoint


@given(st.ip_addresses(v=6), PORTS)
def test_an_ipv6_address_stands_in_brackets_where_a_port_follows(
    address: ipaddress.IPv6Address, port: int
) -> None:
    endpoint = parse(f"https://[{address}]:{port}")
    assert endpoint.host == str(address)
    assert endpoint.address == f"[{address}]:{port}"
    assert endpoint.target == f"dns:///[{address}]:{port}"


@given(st.text())
def test_any_text_is_an_endpoint_or_wrong_input(text: str) -> None:
    try:
        endpoint = parse(text)
    except InvalidInputError as error:
        assert str(error).startswith("endpoint")
    else:
        assert parse(str(endpoint)) == endpoint
