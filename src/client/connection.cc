#include "client/connection.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <thread>
#include <utility>

#include "client/core/nodes.h"
#include "forebay/v1/admin.grpc.pb.h"

namespace forebay::client {
namespace {

constexpr int kHttp2FrameBytesMax = 4 * 1024 * 1024;
constexpr int kReadChunkBytes = 1024 * 1024;
constexpr int kWriteBufferBytes = 4 * 1024 * 1024;
constexpr int kLookaheadBytes = 4 * 1024 * 1024;
constexpr int kMessageBytesMax = 64 * 1024 * 1024;
constexpr int kConnectAttemptMs = 2'000;
// A node that hangs, or is gone without a word (power, cable), is noticed after the sum of these, also on a
// quiet stream: others lead by then what it led. The answer comes from gRPC's threads, which wait for no
// disk.
constexpr int kKeepaliveMs = 1'000;
constexpr int kKeepaliveAnswerMs = 2'000;

using Clock = std::chrono::system_clock;

// How long a question may take whose answer is the reason why there is no connection: it is at hand.
constexpr std::chrono::milliseconds kReasonWait{100};

// What a read waits for one of several servers at first, doubled with each try: one that hangs is passed
// over, and an answer that takes long comes in the end.
constexpr std::chrono::milliseconds kFirstPatience{2'000};

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
  if (code == ErrorCode::kNotYet || code == ErrorCode::kNotLeader || code == ErrorCode::kResourceExhausted)
    return true;
  // The leader was asked, and has not answered.
  const bool unanswered = code == ErrorCode::kUnavailable || code == ErrorCode::kTimedOut;
  return repeat == UnaryCaller::Repeat::kAlways && (code == ErrorCode::kShuttingDown || unanswered);
}

}  // namespace

std::string reason_in(std::string_view message) {
  if (message.find("http1.x") != std::string_view::npos)
    return "something there speaks HTTP/1.1, not gRPC: is it a node's HTTP port?";
  const std::size_t last = message.rfind(": ");
  return std::string(last == std::string_view::npos ? message : message.substr(last + 2));
}

std::string ServerList::all() const {
  const std::lock_guard lock(mutex_);
  std::string list;
  for (const std::string& server : servers_) list += (list.empty() ? "" : ", ") + server;
  return list;
}

std::size_t ServerList::size() const {
  const std::lock_guard lock(mutex_);
  return servers_.size();
}

std::string ServerList::current() const {
  const std::lock_guard lock(mutex_);
  return servers_[current_];
}

void ServerList::leave(const std::string& failed) {
  const std::lock_guard lock(mutex_);
  if (servers_[current_] == failed) current_ = (current_ + 1) % servers_.size();
}

// Under the mutex. Nothing: it is one too many.
std::optional<std::size_t> ServerList::place_of(std::string_view server) {
  const auto found = std::find(servers_.begin(), servers_.end(), server);
  if (found != servers_.end()) return static_cast<std::size_t>(found - servers_.begin());
  if (servers_.size() >= kServersMax) return std::nullopt;
  servers_.emplace_back(server);
  return servers_.size() - 1;
}

void ServerList::learn(std::string_view server) {
  const std::lock_guard lock(mutex_);
  (void)place_of(server);
}

void ServerList::prefer(std::string_view server, const std::string& instead_of) {
  const std::lock_guard lock(mutex_);
  if (servers_[current_] != instead_of) return;
  if (const auto place = place_of(server)) current_ = *place;
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
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);  // a subscription sends no data
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

// To the leader that was named, if it may be there, or else to the next one.
void UnaryCaller::move_on(const Reached& from, const std::string& leader,
                          const std::set<std::string>& silent) {
  if (!leader.empty() && leader != from.server && !silent.contains(leader)) {
    servers_.prefer(leader, from.server);
  } else {
    servers_.leave(from.server);
  }
  if (servers_.current() == from.server) return;
  const std::lock_guard lock(mutex_);
  if (reached_.channel == from.channel) reached_ = {};
}

std::optional<RpcError> UnaryCaller::call(Try attempt, Repeat repeat, std::chrono::milliseconds timeout) {
  const Clock::time_point begin = Clock::now();
  const Clock::time_point deadline = begin + timeout;
  Clock::time_point connect_deadline = begin + std::min(timeout, options_.connect_timeout);
  std::chrono::milliseconds delay = options_.reconnect_delay;
  // One server that is silent must not eat the time of the others.
  const auto share = std::min(timeout, options_.connect_timeout) / static_cast<int>(servers_.size());
  std::shared_ptr<grpc::Channel> refused;  // by the last server that said no
  std::set<std::string> silent;            // those without a connection: no hint leads there again
  std::chrono::milliseconds patience = kFirstPatience;
  for (std::size_t tries = 1;; ++tries) {
    const Reached reached = channel();
    RpcError failure;
    const Connected connected =
        wait_for_connection(*reached.channel, std::min(Clock::now() + share, connect_deadline));
    if (connected != Connected::kYes) {
      drop(reached);
      silent.insert(reached.server);
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
      // Of a read another one may be asked while this one is silent.
      const bool impatient = repeat == Repeat::kAlways && servers_.size() > 1;
      const auto until = impatient ? std::min(deadline, Clock::now() + patience) : deadline;
      patience *= 2;
      auto failed = attempt(reached.channel, reached.server, until);
      if (!failed) return std::nullopt;
      failure = std::move(*failed);
      const ErrorCode code = failure.error.code;
      const bool too_slow = code == ErrorCode::kTimedOut && until < deadline;
      const bool broken = !failure.from_broker &&
                          (code == ErrorCode::kUnavailable || code == ErrorCode::kCancelled || too_slow);
      if (broken || (failure.from_broker && code == ErrorCode::kShuttingDown)) drop(reached);
      if (broken && repeat == Repeat::kIfNotReached) {
        failure.error.code = ErrorCode::kOutcomeUnknown;
        failure.error.context += "; the connection broke: look whether it was done before you repeat it";
        return failure;
      }
      if (!broken && !is_worth_repeating(failure, repeat)) return failure;
      connect_deadline = Clock::now() + options_.connect_timeout;
      if (!broken && may_do_elsewhere(code)) move_on(reached, failure.error.leader, silent);
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
