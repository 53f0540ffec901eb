// Sends requests on to the nodes that lead what they are about. Each is sent once, marked so that it is not
// sent on again, and what became of it is told apart: answered, provably not sent, or sent and broken.
//
// A request leaves only over a connection that stands. So a node that is gone is noticed before anything was
// sent, and only what breaks afterwards is uncertain.
//
// Bounds: forwards in flight of the node, their bytes (ByteBudget), connections to one address.
// Thread rules: any thread; `done` runs once, on one of gRPC's threads, never inside send(), and must not
// block.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "api/api_metrics.h"
#include "api/byte_budget.h"
#include "base/result.h"
#include "base/unique_function.h"
#include "broker/broker.h"
#include "forebay/v1/error.pb.h"

namespace grpc {
class Channel;
}

namespace forebay::api {

// Whether another node has sent this call on: then it is answered here or not at all.
[[nodiscard]] bool is_forwarded(const grpc::CallbackServerContext& call);

// What became of it.
struct Forwarded {
  using Fate = ForwardFate;
  Fate fate = Fate::kNotSent;
  grpc::Status status;     // kAnswered: as the leader said
  grpc::ByteBuffer bytes;  // when that is OK
  Error error;             // not kAnswered: why
};

class Forwarder {
 public:
  using Deadline = std::chrono::system_clock::time_point;
  // The longest that an answer is waited for, whatever the client says; a dead connection is noticed much
  // earlier.
  static constexpr std::chrono::minutes kAnswerMax{5};
  using Done = UniqueFunction<void(Forwarded)>;

  // `metrics` outlives it.
  Forwarder(std::shared_ptr<ByteBudget> budget, const ApiMetrics& metrics);
  ~Forwarder();  // Requires: close()
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;

  // `method` as in gRPC's path; `leader` is HOST:PORT of its API. The ticket's cancel() ends it with
  // kCancelled.
  std::shared_ptr<broker::FetchTicket> send(const std::string& leader, const char* method,
                                            grpc::ByteBuffer request, Deadline deadline, Done done);
  // Ends what is in flight, and waits for it. What is sent later is answered at once (kNotSent,
  // kShuttingDown).
  void close();

 private:
  class Call;
  struct Connection {
    std::shared_ptr<grpc::Channel> channel;
    std::size_t in_flight = 0;
  };
  using ConnectionPtr = std::shared_ptr<Connection>;

  // Nothing: too many are in flight. Under the mutex.
  [[nodiscard]] ConnectionPtr take_connection(const std::string& leader);
  void drop(const ConnectionPtr& connection);
  void over(Call* call);

  const std::shared_ptr<ByteBudget> budget_;
  const ApiMetrics& metrics_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::map<std::string, std::vector<ConnectionPtr>> connections_;
  std::unordered_set<Call*> calls_;
  bool closed_ = false;
};

[[nodiscard]] Forwarder::Deadline forward_deadline(const grpc::CallbackServerContext& call);

// --- what a client is told -------------------------------------------------------------------------------

// The detail inside a status of ours; nothing in one that gRPC made.
[[nodiscard]] std::optional<v1::ErrorDetail> detail_in(const grpc::Status& status);

// Why a request has failed that was sent on because of `refusal` (kNotLeader with the leader). Requires: no
// OK answer. `changes`: it may have done something by the time it broke.
enum class Effect : std::uint8_t { kReads, kChanges };
[[nodiscard]] Error forward_failure(const Forwarded& outcome, const Error& refusal, Effect effect);

// The same message with one more string field, as protobuf lets one append it.
void append_field(grpc::ByteBuffer& message, int field, std::string_view text);

}  // namespace forebay::api
