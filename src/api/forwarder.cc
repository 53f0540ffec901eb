#include "api/forwarder.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <utility>

#include "api/context.h"
#include "api/errors.h"
#include "api/later.h"
#include "base/varint.h"

namespace forebay::api {
namespace {

constexpr const char* kMark = "forebay-forwarded";
// Below the streams that a node allows on a connection: what would wait there for others to end, long polls
// among them, goes over another connection.
constexpr std::size_t kCallsPerConnectionMax = 100;
// Together 1600 calls to one node: more than that is overload.
constexpr std::size_t kConnectionsPerNodeMax = 16;
// Addresses come from the cluster's metadata; those of nodes that moved are dropped past this.
constexpr std::size_t kAddressesMax = 256;
constexpr std::chrono::milliseconds kConnectWithin{1'000};
constexpr std::chrono::milliseconds kConnectPoll{2};
constexpr std::uint32_t kRetryMs = 100;
constexpr int kReconnectMs = 100;
// A node that hangs, or is gone without a word, is noticed after the sum, also while a poll waits there.
constexpr int kKeepaliveMs = 1'000;
constexpr int kKeepaliveAnswerMs = 2'000;
constexpr int kHttp2FrameBytesMax = 4 << 20;
constexpr int kHttp2LookaheadBytes = 8 << 20;

std::shared_ptr<grpc::Channel> open_channel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // else all to one address share a connection
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, kHttp2FrameBytesMax);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kHttp2LookaheadBytes);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveAnswerMs);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);  // nothing is sent twice
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

bool is_forwarded(const grpc::CallbackServerContext& call) {
  return call.client_metadata().find(kMark) != call.client_metadata().end();
}

Forwarder::Deadline forward_deadline(const grpc::CallbackServerContext& call) {
  return std::min(call.deadline(), std::chrono::system_clock::now() + Forwarder::kAnswerMax);
}

// One request on its way. gRPC, the alarm and the caller's ticket hold it.
class Forwarder::Call final : public broker::FetchTicket, public std::enable_shared_from_this<Call> {
 public:
  Call(Forwarder& forwarder, const char* method, grpc::ByteBuffer request, Deadline deadline, Done done)
      : bytes(request.Length()),
        forwarder_(forwarder),
        method_(method),
        request_(std::move(request)),
        done_(std::move(done)) {
    context_->set_deadline(deadline);
    context_->AddMetadata(kMark, "1");
  }

  void refuse(Error why) {
    forwarder_.metrics_.forwarded(Forwarded::Fate::kNotSent);
    run_on_grpc_thread([self = shared_from_this(), why = std::move(why)]() mutable {
      self->done_({Forwarded::Fate::kNotSent, {}, {}, std::move(why)});
    });
  }

  void start(ConnectionPtr connection) {
    connection_ = std::move(connection);
    connect_until_ = std::chrono::steady_clock::now() + kConnectWithin;
    if (connection_->channel->GetState(true) == GRPC_CHANNEL_READY) return call();
    run_later(kConnectPoll, [self = shared_from_this()] { self->step(); });
  }

  void cancel() override {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    if (context_ != nullptr) context_->TryCancel();
  }

  const std::size_t bytes;

 private:
  friend class Forwarder;

  // Waits for the connection: asking now and then costs less than a thread that is told.
  void step() {
    const grpc_connectivity_state state = connection_->channel->GetState(true);
    bool cancelled = false;
    {
      const std::lock_guard lock(mutex_);
      cancelled = cancelled_;
    }
    if (cancelled) return finish({Forwarded::Fate::kNotSent, {}, {}, {ErrorCode::kCancelled, "cancelled"}});
    if (state == GRPC_CHANNEL_READY) return call();
    const bool late = std::chrono::steady_clock::now() >= connect_until_;
    if (late || state == GRPC_CHANNEL_TRANSIENT_FAILURE || state == GRPC_CHANNEL_SHUTDOWN) {
      forwarder_.drop(connection_);
      return finish({Forwarded::Fate::kNotSent,
                     {},
                     {},
                     {ErrorCode::kUnavailable, late ? "no connection in time" : "nobody answers there"}});
    }
    run_later(kConnectPoll, [self = shared_from_this()] { self->step(); });
  }

  void call() {
    grpc::GenericStub(connection_->channel)
        .UnaryCall(context_.get(), method_, {}, &request_, &response_,
                   [self = shared_from_this()](grpc::Status status) { self->answered(std::move(status)); });
  }

  void answered(grpc::Status status) {
    if (status.ok() || detail_in(status)) {
      return finish({Forwarded::Fate::kAnswered, std::move(status), std::move(response_), {}});
    }
    ErrorCode code = ErrorCode::kUnavailable;
    if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) code = ErrorCode::kTimedOut;
    if (status.error_code() == grpc::StatusCode::CANCELLED) code = ErrorCode::kCancelled;
    std::string text = status.error_message();
    finish({Forwarded::Fate::kBroken, std::move(status), {}, {code, std::move(text)}});
  }

  void finish(Forwarded outcome) {
    const auto self = shared_from_this();
    {
      const std::lock_guard lock(mutex_);
      context_.reset();  // before the forwarder may let go of the channel
    }
    request_.Clear();
    Done done = std::move(done_);
    ConnectionPtr connection = std::move(connection_);
    {
      const std::lock_guard lock(forwarder_.mutex_);
      --connection->in_flight;
    }
    connection.reset();
    forwarder_.budget_->give_back(bytes);
    forwarder_.metrics_.forwarded(outcome.fate);
    done(std::move(outcome));
    done = nullptr;
    forwarder_.over(this);
  }

  Forwarder& forwarder_;
  const char* const method_;
  grpc::ByteBuffer request_, response_;
  ConnectionPtr connection_;
  std::chrono::steady_clock::time_point connect_until_;
  std::mutex mutex_;
  bool cancelled_ = false;
  std::unique_ptr<grpc::ClientContext> context_ = std::make_unique<grpc::ClientContext>();
  Done done_;
};

Forwarder::Forwarder(std::shared_ptr<ByteBudget> budget, const ApiMetrics& metrics)
    : budget_(std::move(budget)), metrics_(metrics) {}
Forwarder::~Forwarder() = default;

Forwarder::ConnectionPtr Forwarder::take_connection(const std::string& leader) {
  if (connections_.size() >= kAddressesMax && !connections_.contains(leader)) {
    std::erase_if(connections_, [](const auto& entry) {
      return std::all_of(entry.second.begin(), entry.second.end(),
                         [](const ConnectionPtr& one) { return one->in_flight == 0; });
    });
  }
  auto& all = connections_[leader];
  for (const ConnectionPtr& one : all) {
    if (one->in_flight >= kCallsPerConnectionMax) continue;
    ++one->in_flight;
    return one;
  }
  if (all.size() >= kConnectionsPerNodeMax) return nullptr;
  all.push_back(std::make_shared<Connection>(Connection{open_channel(leader), 1}));
  return all.back();
}

// The next request begins with a fresh one, without the pause that gRPC makes after a failure.
void Forwarder::drop(const ConnectionPtr& connection) {
  const std::lock_guard lock(mutex_);
  for (auto& [address, all] : connections_) std::erase(all, connection);
}

std::shared_ptr<broker::FetchTicket> Forwarder::send(const std::string& leader, const char* method,
                                                     grpc::ByteBuffer request, Deadline deadline, Done done) {
  auto call = std::make_shared<Call>(*this, method, std::move(request), deadline, std::move(done));
  if (!budget_->try_take(call->bytes)) {
    call->refuse({ErrorCode::kResourceExhausted, "too many bytes are on their way to other nodes", kRetryMs});
    return call;
  }
  std::optional<Error> refused;
  ConnectionPtr connection;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) {
      refused = stopping_error();
    } else if (connection = take_connection(leader); connection == nullptr) {
      refused = {ErrorCode::kResourceExhausted, "too many requests are on their way to " + leader, kRetryMs};
    } else {
      calls_.insert(call.get());
    }
  }
  if (refused) {
    budget_->give_back(call->bytes);
    call->refuse(std::move(*refused));
    return call;
  }
  call->start(std::move(connection));
  return call;
}

void Forwarder::over(Call* call) {
  const std::lock_guard lock(mutex_);
  calls_.erase(call);
  if (calls_.empty()) idle_.notify_all();
}

void Forwarder::close() {
  std::vector<std::shared_ptr<Call>> left;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (Call* call : calls_) {
      if (auto alive = call->weak_from_this().lock()) left.push_back(std::move(alive));
    }
  }
  for (const auto& call : left) call->cancel();
  left.clear();
  std::map<std::string, std::vector<ConnectionPtr>> connections;
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return calls_.empty(); });
  connections.swap(connections_);
  lock.unlock();  // the channels go here, on a thread that is not gRPC's: the last one joins those
}

// --- what a client is told -------------------------------------------------------------------------------

std::optional<v1::ErrorDetail> detail_in(const grpc::Status& status) {
  v1::RpcStatus typed;
  if (status.error_details().empty() || !typed.ParseFromString(status.error_details())) return std::nullopt;
  for (const auto& any : typed.details()) {
    v1::ErrorDetail detail;
    if (any.UnpackTo(&detail)) return detail;
  }
  return std::nullopt;
}

Error forward_failure(const Forwarded& outcome, const Error& refusal, Effect effect) {
  switch (outcome.fate) {
    case Forwarded::Fate::kAnswered: {
      const auto detail = detail_in(outcome.status);
      if (!detail) return {ErrorCode::kInternal, "the leader's answer makes no sense"};
      return error_of(*detail);
    }
    case Forwarded::Fate::kNotSent:
      if (outcome.error.code != ErrorCode::kUnavailable) return outcome.error;
      return {ErrorCode::kNotLeader,
              refusal.context + "; the leader cannot be reached from here (" + refusal.leader + ": " +
                  outcome.error.context + "), nothing was done; retry",
              kRetryMs, refusal.leader};
    case Forwarded::Fate::kBroken:
      break;
  }
  if (effect == Effect::kReads) {
    return {outcome.error.code,
            "the leader, " + refusal.leader + ", did not answer: " + outcome.error.context, kRetryMs,
            refusal.leader};
  }
  return {ErrorCode::kOutcomeUnknown,
          "sent to the leader, " + refusal.leader + ", which did not answer (" + outcome.error.context +
              "): look whether it was done before you repeat it",
          0, refusal.leader};
}

void append_field(grpc::ByteBuffer& message, int field, std::string_view text) {
  std::vector<grpc::Slice> slices;
  (void)message.Dump(&slices);
  std::string bytes;
  constexpr std::uint64_t kLengthDelimited = 2;
  std::byte number[kVarlongBytesMax];
  const auto put = [&](std::uint64_t value) {
    const std::byte* end = write_unsigned_varint(number, value);
    bytes.append(reinterpret_cast<const char*>(number), static_cast<std::size_t>(end - number));
  };
  put((static_cast<std::uint64_t>(field) << 3) | kLengthDelimited);
  put(text.size());
  bytes.append(text);
  slices.emplace_back(bytes);
  grpc::ByteBuffer whole(slices.data(), slices.size());
  message.Swap(&whole);
}

}  // namespace forebay::api
