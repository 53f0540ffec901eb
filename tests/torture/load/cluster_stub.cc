#include "torture/load/cluster_stub.h"

#include <grpcpp/create_channel.h>

namespace forebay::torture {
namespace {

// A node that is back is to be found at once; silence must not look like a lost node that comes back slowly.
constexpr int kReconnectMsMin = 50;
constexpr int kReconnectMsMax = 200;
constexpr int kConnectMsMax = 1000;
constexpr int kMessageBytesMax = 64 << 20;

std::shared_ptr<grpc::Channel> open_channel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMsMin);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectMsMax);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMsMax);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  return grpc::CreateCustomChannel("ipv4:" + address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

v1::Log::Stub& ClusterStub::at(const std::string& address) {
  const std::lock_guard lock(mutex_);
  auto& stub = stubs_[address];
  if (stub == nullptr) stub = v1::Log::NewStub(open_channel(address));
  return *stub;
}

Certainty certainty_of(const client::RpcError& error) {
  if (!error.from_broker) return Certainty::kUnknown;
  switch (error.error.code) {
    // As include/forebay/producer.h promises; an internal error promises nothing.
    case ErrorCode::kTimedOut:
    case ErrorCode::kOutcomeUnknown:
    case ErrorCode::kCancelled:
    case ErrorCode::kInternal:
      return Certainty::kUnknown;
    default:
      return Certainty::kRefused;
  }
}

}  // namespace forebay::torture
