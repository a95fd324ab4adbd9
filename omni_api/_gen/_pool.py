"""The private descriptor pool of this library's protobuf messages (written by hand).

Protobuf refuses two files, or two symbols, of one name in one pool. All generated code shares
the default pool, and Omni's protos use names as common as `common.Metadata`; so another binding
for a Sidero product in the same process would clash with ours. A pool of our own cannot.

The price: a `Timestamp` of this pool is another class than `google.protobuf.timestamp_pb2`'s.
Times therefore cross the border as `datetime` and `timedelta`, in the models only.
"""

from __future__ import annotations

from google.protobuf import (
    any_pb2,
    descriptor,
    descriptor_pool,
    duration_pb2,
    empty_pb2,
    message,
    message_factory,
    timestamp_pb2,
)

_POOL = descriptor_pool.DescriptorPool()

for _well_known in (any_pb2, duration_pb2, empty_pb2, timestamp_pb2):
    _POOL.AddSerializedFile(_well_known.DESCRIPTOR.serialized_pb)


def add(serialized: bytes) -> descriptor.FileDescriptor:
    """Add one file to the pool and return its descriptor."""
    file: descriptor.FileDescriptor = _POOL.AddSerializedFile(serialized)
    return file


def message_class(full_name: str) -> type[message.Message]:
    """Return the class of a message of the pool, well-known types included."""
    found = _POOL.FindMessageTypeByName(full_name)
    made: type[message.Message] = message_factory.GetMessageClass(found)
    return made
