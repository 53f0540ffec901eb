#include "api/server.h"

#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <limits>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "api/admin_service.h"
#include "api/context.h"
#include "api/groups_service.h"
#include "api/listener.h"
#include "api/log_service.h"
#include "api/parked_poller.h"
#include "api/schemas_service.h"
#include "telemetry/log.h"
#include "telemetry/repeat_limiter.h"

namespace forebay::api {
namespace {

// Measured: large frames and read chunks nearly double the throughput of 64 KiB messages.
constexpr int kHttp2FrameBytesMax = 4 << 20;
constexpr int kHttp2LookaheadBytes = 8 << 20;
// Where the adaptive read size starts and ends; an idle connection keeps no buffer of that size.
constexpr int kReadChunkBytes = 64 << 10;
constexpr int kReadChunkBytesMax = 4 << 20;
// Only our small answers are marked to be joined; it bounds what one stream may gather.
constexpr int kWriteBufferBytes = 64 << 10;
// Reflection is the only service with threads of its own.
constexpr int kThreadsMax = 8;
// Clients and nodes that forward ping every second.
constexpr int kPingIntervalMinMs = 500;
constexpr std::chrono::seconds kBrokerAnswersWithin{3};

int milliseconds_of(std::chrono::milliseconds duration) {
  return static_cast<int>(
      std::min<std::chrono::milliseconds::rep>(duration.count(), std::numeric_limits<int>::max()));
}
int as_int(std::size_t value) {
  return static_cast<int>(std::min<std::size_t>(value, std::numeric_limits<int>::max()));
}

// gRPC's own errors go where ours go; what peers do must not fill the log. Any thread.
void log_grpc(gpr_log_func_args* args) {
  if (args->severity != GPR_LOG_SEVERITY_ERROR) {
    telemetry::log_debug("gRPC", {{"message", args->message}});
    return;
  }
  static std::mutex mutex;
  static telemetry::RepeatLimiter limiter;
  std::optional<std::uint64_t> quiet;
  {
    const std::lock_guard lock(mutex);
    const std::string place = std::string(args->file) + ":" + std::to_string(args->line);
    quiet = limiter.admit(place, std::chrono::steady_clock::now());
  }
  if (quiet) telemetry::log_warn("gRPC", {{"message", args->message}, {"repeats", *quiet}});
}

void set_arguments(grpc::ServerBuilder& builder, const ApiOptions& options) {
  builder.SetMaxReceiveMessageSize(as_int(options.message_bytes_max));
  builder.SetMaxSendMessageSize(-1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, kHttp2FrameBytesMax);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kHttp2LookaheadBytes);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_WRITE_BUFFER_SIZE, kWriteBufferBytes);
  builder.AddChannelArgument(GRPC_ARG_TCP_READ_CHUNK_SIZE, kReadChunkBytes);
  builder.AddChannelArgument(GRPC_ARG_TCP_MAX_READ_CHUNK_SIZE, kReadChunkBytesMax);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, as_int(options.streams_per_connection_max));
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                             milliseconds_of(options.handshake_timeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, milliseconds_of(options.keepalive_interval));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, milliseconds_of(options.keepalive_timeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);  // keepalive may go on for ever
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kPingIntervalMinMs);
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 1);
  grpc::ResourceQuota quota("forebay_api");
  quota.Resize(options.grpc_memory_bytes_max);
  quota.SetMaxThreads(kThreadsMax);
  builder.SetResourceQuota(quota);
}

class GrpcApiServer final : public ApiServer {
 public:
  GrpcApiServer(const ApiOptions& options, broker::Broker& broker, const runtime::WallClock& clock,
                telemetry::Metrics* metrics)
      : context_(std::make_shared<Context>(options, broker, clock, metrics)) {
    if (metrics == nullptr) return;
    using Kind = telemetry::Metrics::SampledKind;
    open_calls_ =
        metrics->sampled(Kind::kGauge, "forebay_api_open_calls", "Calls and streams that are open.", {},
                         [context = context_] { return static_cast<double>(context->calls->open()); });
    answer_bytes_ = metrics->sampled(
        Kind::kGauge, "forebay_api_answer_bytes", "Bytes of answers that clients have not taken yet.", {},
        [context = context_] { return static_cast<double>(context->answers->used()); });
  }
  ~GrpcApiServer() override { shutdown(std::chrono::milliseconds(0)); }

  [[nodiscard]] Result<void> open() {
    static std::once_flag once;
    std::call_once(once, [] {
      gpr_set_log_function(log_grpc);
      grpc::reflection::InitProtoReflectionServerBuilderPlugin();
      grpc::EnableDefaultHealthCheckService(true);
    });
    FOREBAY_TRY(listener_, Listener::open(context_->options.listen, context_->options.connections_max));
    grpc::ServerBuilder builder;
    set_arguments(builder, context_->options);
    builder.RegisterService(&log_service_);
    builder.RegisterService(&admin_service_);
    builder.RegisterService(&groups_service_);
    builder.RegisterService(&schemas_service_);
    using Builder = grpc::ServerBuilder;
    acceptor_ = builder.experimental().AddExternalConnectionAcceptor(
        Builder::experimental_type::ExternalConnectionType::FROM_FD, grpc::InsecureServerCredentials());
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) return Error{ErrorCode::kInternal, "the gRPC server did not start"};
    if (context_->options.one_poller) parked_poller_ = ParkedPoller::park(*server_);
    set_ready(false);
    listener_->start({[this](int listener_fd, int fd) { accepted(listener_fd, fd); },
                      [this] { context_->metrics.connection_refused(); }});
    return {};
  }

  [[nodiscard]] std::uint16_t port() const override { return listener_->port(); }

  [[nodiscard]] schema::RegistryCalls& registry() override { return registry_; }

  void set_ready(bool ready) override {
    grpc::HealthCheckServiceInterface* health = server_->GetHealthCheckService();
    if (health == nullptr) return;
    health->SetServingStatus("", ready);
    health->SetServingStatus("forebay.v1.Log", ready);
    health->SetServingStatus("forebay.v1.Admin", ready);
  }

  void shutdown(std::chrono::milliseconds grace) override {
    if (server_ == nullptr || std::exchange(shut_down_, true)) return;
    set_ready(false);
    listener_->stop();
    context_->calls->stop_all(stopping_error());
    const auto deadline = std::chrono::steady_clock::now() + grace;
    // Streams end by what stop_all told them; only then is the server closed, which would cancel them.
    const bool ended = context_->calls->wait_until_empty(deadline);
    if (!ended) {
      telemetry::log_warn("calls were cut off at shutdown", {{"calls", context_->calls->open()}});
    }
    context_->forwarder.close();
    parked_poller_.reset();
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
    // gRPC has let go of every call; what is left waits for the broker, which answers every request.
    if (!context_->calls->wait_until_empty(std::chrono::steady_clock::now() + kBrokerAnswersWithin)) {
      telemetry::log_error("the broker left calls unanswered", {{"calls", context_->calls->open()}});
    }
  }

 private:
  void accepted(int listener_fd, int fd) {
    context_->metrics.connection_accepted();
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters parameters;
    parameters.listener_fd = listener_fd;
    parameters.fd = fd;
    acceptor_->HandleNewConnection(&parameters);
  }

  const ContextPtr context_;
  LogService log_service_{context_};
  AdminService admin_service_{context_};
  GroupsService groups_service_{context_};
  SchemasService schemas_service_{context_};
  ClusterRegistry registry_{context_};
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<ParkedPoller> parked_poller_;
  telemetry::Metrics::Sampled open_calls_, answer_bytes_;
  bool shut_down_ = false;
};

}  // namespace

Result<std::unique_ptr<ApiServer>> ApiServer::start(const ApiOptions& options, broker::Broker& broker,
                                                    const runtime::WallClock& clock,
                                                    telemetry::Metrics* metrics) {
  auto server = std::make_unique<GrpcApiServer>(options, broker, clock, metrics);
  FOREBAY_CHECK(server->open());
  return std::unique_ptr<ApiServer>(std::move(server));
}

}  // namespace forebay::api
