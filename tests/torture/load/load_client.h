// One client of a torture run: it does one call after another, each with a deadline, goes to whoever is named
// as leader, and writes down what happened. A call that failed is not repeated: the next one is another.
// Thread rules: begin() on the agenda's thread, the rest on gRPC's; never two at a time for one client.
#pragma once

#include <grpcpp/client_context.h>

#include <atomic>
#include <chrono>
#include <random>
#include <string>

#include "torture/load/agenda.h"
#include "torture/load/cluster_stub.h"
#include "torture/load/history_writer.h"

namespace forebay::torture {

using Milliseconds = std::chrono::milliseconds;

// What all clients of a process share.
struct LoadWorld {
  std::string run;
  ClusterStub& cluster;
  HistoryWriter& history;
  Agenda& agenda;
  std::atomic<bool> stopping = false;
  std::atomic<int> calls = 0;  // in flight
};

// Of the values of a producer: no two producers share any.
[[nodiscard]] constexpr std::uint64_t first_value_of(std::uint32_t producer) {
  return (std::uint64_t{producer} + 1) << 32;
}

struct ClientPlace {
  std::string topic;
  std::uint32_t partition = 0;
};

class LoadClient {
 public:
  LoadClient(LoadWorld& world, std::string process, ClientPlace place, std::size_t first_server)
      : world_(world),
        process_(std::move(process)),
        place_(std::move(place)),
        target_(world.cluster, first_server),
        random_(std::hash<std::string>{}(world.run + process_)) {}
  virtual ~LoadClient() = default;
  LoadClient(const LoadClient&) = delete;
  LoadClient& operator=(const LoadClient&) = delete;
  void start(Milliseconds delay) {
    world_.agenda.after(delay, [this] { begin_call(); });
  }

 protected:
  // Writes the invocation and begins a call that ends in done().
  virtual void begin() = 0;
  [[nodiscard]] virtual Milliseconds pause() = 0;

  // "PROCESS TYPE OP TOPIC PARTITION id=ID"
  [[nodiscard]] std::string head(const char* type, const char* op) const {
    return process_ + ' ' + type + ' ' + op + ' ' + place_.topic + ' ' + std::to_string(place_.partition) +
           " id=" + std::to_string(id_);
  }
  void invoke(const char* op, const std::string& fields) {
    id_ = world_.history.next_id();
    world_.history.line(head("invoke", op) + fields + " node=" + target_.address());
  }
  void ok(const char* op, const std::string& fields) { world_.history.line(head("ok", op) + fields); }
  // What was refused did not happen only if it was to change something.
  void failed(const char* op, const grpc::Status& status, const std::string& fields = "") {
    const client::RpcError error = client::rpc_error_of(status, target_.address());
    const bool refused = certainty_of(error) == Certainty::kRefused;
    world_.history.line(head(refused ? "fail" : "info", op) + fields +
                        " error=" + std::string(error_code_name(error.error.code)));
    if (error.error.leader.empty() || error.error.leader == target_.address()) {
      target_.go_on();
    } else {
      target_.named(error.error.leader);
    }
    failed_ = true;
  }
  void done() {
    const Milliseconds wait = failed_ ? std::max(pause(), kPauseAfterFailure) : pause();
    failed_ = false;
    if (!world_.stopping) world_.agenda.after(wait, [this] { begin_call(); });
    --world_.calls;
  }
  static std::unique_ptr<grpc::ClientContext> context(Milliseconds timeout) {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(std::chrono::system_clock::now() + timeout);
    return context;
  }

  // A broker that refuses is not asked more often than this.
  static constexpr Milliseconds kPauseAfterFailure{25};

  LoadWorld& world_;
  const std::string process_;
  const ClientPlace place_;
  Target target_;
  std::mt19937_64 random_;

 private:
  void begin_call() {
    if (world_.stopping) return;
    ++world_.calls;
    begin();
  }
  std::uint64_t id_ = 0;
  bool failed_ = false;
};

}  // namespace forebay::torture
