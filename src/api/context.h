// What every call of one ApiServer shares. Calls hold it; it outlives the server when gRPC or the broker are
// slow to let go of one.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "api/api_metrics.h"
#include "api/byte_budget.h"
#include "api/call_registry.h"
#include "api/forwarder.h"
#include "api/server.h"

namespace forebay::api {

struct Context {
  Context(const ApiOptions& options_in, broker::Broker& broker_in, const runtime::WallClock& clock_in,
          telemetry::Metrics* metrics_in)
      : options(options_in),
        broker(broker_in),
        clock(clock_in),
        metrics(metrics_in),
        answers(std::make_shared<ByteBudget>(options.answer_bytes_max)),
        shares(options.answer_bytes_max / 4),
        forwarder(answers, metrics) {}

  const ApiOptions options;
  broker::Broker& broker;
  const runtime::WallClock& clock;
  ApiMetrics metrics;
  const std::shared_ptr<CallRegistry> calls = std::make_shared<CallRegistry>();
  const std::shared_ptr<ByteBudget> answers;
  ConnectionShares shares;
  Forwarder forwarder;
  // Plain records without key: each request goes to the next partition.
  std::atomic<std::uint32_t> next_keyless{0};
};
using ContextPtr = std::shared_ptr<Context>;

inline Error stopping_error() {
  return {ErrorCode::kShuttingDown, "the node is stopping; use another one, or retry when it is back", 500};
}

}  // namespace forebay::api
