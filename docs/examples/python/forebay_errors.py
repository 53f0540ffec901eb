"""The typed detail of a failed call: why, about what, and when to try again."""

from forebay.v1 import error_pb2


def detail_of(rpc_error):
    """The ErrorDetail that the broker put into the trailers; one without reason when there is none."""
    for name, value in rpc_error.trailing_metadata() or ():
        if name != "grpc-status-details-bin":
            continue
        for packed in error_pb2.RpcStatus.FromString(value).details:
            detail = error_pb2.ErrorDetail()
            if packed.Unpack(detail):
                return detail
    return error_pb2.ErrorDetail(message=rpc_error.details() or str(rpc_error.code()))


def text_of(detail):
    return f"{error_pb2.ErrorReason.Name(detail.reason)}: {detail.message}"
