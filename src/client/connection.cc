#include "client/connection.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <string_view>
#include <thread>
#include <utility>

#include "forebay/v1/admin.grpc.pb.h"

namespace forebay::client {
namespace {

constexpr int kHttp2FrameBytesMax = 4 * 1024 * 1024;
constexpr int kReadChunkBytes = 1024 * 1024;
constexpr int kWriteBufferBytes = 4 * 1024 * 1024;
constexpr int kLookaheadBytes = 4 * 1024 * 1024;
constexpr int kMessageBytesMax = 64 * 1024 * 1024;
constexpr int kConnectAttemptMs = 5'000;
// A peer that is gone without a word (power, cable) is noticed after the sum of these, also on a quiet
// stream.
constexpr int kKeepaliveMs = 20'000;
constexpr int kKeepaliveAnswerMs = 10'000;

using Clock = std::chrono::system_clock;

// How long a question may take whose answer is the reason why there is no connection: it is at hand.
constexpr std::chrono::milliseconds kReasonWait{100};

enum class Connected : std::uint8_t { kYes, kRefused, kTooLate };

// Not WaitForConnected(): it waits on where somebody has refused already, while another server would answer.
Connected wait_for_connection(grpc::Channel& channel, Clock::time_point deadline) {
  while (true) {
    const grpc_connectivity_state state = channel.GetState(true);
    if (state == GRPC_CHANNEL_READY) return Connected::kYes;
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE || state == GRPC_CHANNEL_SHUTDOWN) return Connected::kRefused;
    if (!channel.WaitForStateChange(state, deadline)) return Connected::kTooLate;
  }
}

// Why a channel that was refused has no connection; empty: not known. gRPC tells only a call.
std::string reason_of_refusal(const std::shared_ptr<grpc::Channel>& channel) {
  grpc::ClientContext context;
  context.set_deadline(Clock::now() + kReasonWait);
  v1::DescribeNodeResponse unused;
  const grpc::Status status =
      v1::Admin::NewStub(channel)->DescribeNode(&context, v1::DescribeNodeRequest(), &unused);
  if (status.error_code() != grpc::StatusCode::UNAVAILABLE) return {};
  return reason_in(status.error_message());
}

// What the broker refused before it did anything, and will do later.
bool is_worth_repeating(const RpcError& failure, UnaryCaller::Repeat repeat) {
  if (!failure.from_broker) return false;
  const ErrorCode code = failure.error.code;
  return code == ErrorCode::kNotYet || code == ErrorCode::kNotLeader ||
         code == ErrorCode::kResourceExhausted ||
         (code == ErrorCode::kShuttingDown && repeat == UnaryCaller::Repeat::kAlways);
}

}  // namespace

std::string reason_in(std::string_view message) {
  if (message.find("http1.x") != std::string_view::npos)
    return "something there speaks HTTP/1.1, not gRPC: is it a node's HTTP port?";
  const std::size_t last = message.rfind(": ");
  return std::string(last == std::string_view::npos ? message : message.substr(last + 2));
}

std::string ServerList::all() const {
  std::string list;
  for (const std::string& server : servers_) list += (list.empty() ? "" : ", ") + server;
  return list;
}

std::string ServerList::current() const {
  const std::lock_guard lock(mutex_);
  return servers_[current_];
}

void ServerList::leave(const std::string& failed) {
  const std::lock_guard lock(mutex_);
  if (servers_[current_] == failed) current_ = (current_ + 1) % servers_.size();
}

std::shared_ptr<grpc::Channel> open_channel(const std::string& server) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection per client, not one per process
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, kHttp2FrameBytesMax);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kLookaheadBytes);
  // A probe is a ping for about every message that arrives; the windows are as large as they get without it.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_WRITE_BUFFER_SIZE, kWriteBufferBytes);
  arguments.SetInt(GRPC_ARG_TCP_READ_CHUNK_SIZE, kReadChunkBytes);
  arguments.SetInt("grpc.experimental.tcp_max_read_chunk_size", kHttp2FrameBytesMax);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 20);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1'000);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS,
                   kConnectAttemptMs);  // in truth: how long a try may take
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveAnswerMs);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);  // a broker is never behind the proxy of the environment
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetMaxSendMessageSize(kMessageBytesMax);
  return grpc::CreateCustomChannel(server, grpc::InsecureChannelCredentials(), arguments);
}

UnaryCaller::UnaryCaller(const ClientOptions& options) : options_(options), servers_(options.servers) {}
UnaryCaller::~UnaryCaller() = default;

UnaryCaller::Reached UnaryCaller::channel() {
  const std::lock_guard lock(mutex_);
  if (reached_.channel == nullptr) {
    reached_.server = servers_.current();
    reached_.channel = open_channel(reached_.server);
  }
  return reached_;
}

void UnaryCaller::drop(const Reached& failed) {
  servers_.leave(failed.server);
  const std::lock_guard lock(mutex_);
  if (reached_.channel == failed.channel) reached_ = {};
}

std::optional<RpcError> UnaryCaller::call(Try attempt, Repeat repeat, std::chrono::milliseconds timeout) {
  const Clock::time_point begin = Clock::now();
  const Clock::time_point deadline = begin + timeout;
  Clock::time_point connect_deadline = begin + std::min(timeout, options_.connect_timeout);
  std::chrono::milliseconds delay = options_.reconnect_delay;
  // One server that is silent must not eat the time of the others.
  const auto share = std::min(timeout, options_.connect_timeout) / static_cast<int>(servers_.size());
  std::shared_ptr<grpc::Channel> refused;  // by the last server that said no
  for (std::size_t tries = 1;; ++tries) {
    const Reached reached = channel();
    RpcError failure;
    const Connected connected =
        wait_for_connection(*reached.channel, std::min(Clock::now() + share, connect_deadline));
    if (connected != Connected::kYes) {
      drop(reached);
      failure.error = Error{ErrorCode::kUnavailable, "nobody answers at " + servers_.all()};
      if (connected == Connected::kRefused) refused = reached.channel;
      const bool in_time = Clock::now() + delay < std::min(connect_deadline, deadline);
      if (!in_time && tries >= servers_.size()) {
        if (refused != nullptr) {
          if (const auto reason = reason_of_refusal(refused); !reason.empty())
            failure.error.context += ": " + reason;
        }
        return failure;
      }
    } else {
      auto failed = attempt(reached.channel, reached.server, deadline);
      if (!failed) return std::nullopt;
      failure = std::move(*failed);
      const ErrorCode code = failure.error.code;
      const bool broken =
          !failure.from_broker && (code == ErrorCode::kUnavailable || code == ErrorCode::kCancelled);
      if (broken || (failure.from_broker && code == ErrorCode::kShuttingDown)) drop(reached);
      if (broken && repeat == Repeat::kIfNotReached) {
        failure.error.code = ErrorCode::kOutcomeUnknown;
        failure.error.context += "; the connection broke: look whether it was done before you repeat it";
        return failure;
      }
      if (!broken && !is_worth_repeating(failure, repeat)) return failure;
      if (broken) connect_deadline = Clock::now() + options_.connect_timeout;
    }
    // The next server may be fine: no wait before it.
    if (tries % servers_.size() != 0 && !failure.from_broker) continue;
    const auto pause = std::max(delay, std::chrono::milliseconds(failure.error.retry_after_ms));
    if (Clock::now() + pause >= deadline) return failure;
    std::this_thread::sleep_for(pause);
    delay = std::min(delay * 2, options_.reconnect_delay_max);
  }
}

}  // namespace forebay::client
