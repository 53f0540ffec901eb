#include "api/parked_poller.h"

#include <atomic>

namespace forebay::api {
namespace {

std::atomic<bool> one_is_parked{false};

}  // namespace

std::unique_ptr<ParkedPoller> ParkedPoller::park(grpc::Server& server) {
  if (one_is_parked.exchange(true)) return nullptr;
  return std::unique_ptr<ParkedPoller>(new ParkedPoller(server));
}

// Any call does whose callback a polling thread runs, and that every server answers.
ParkedPoller::ParkedPoller(grpc::Server& server) : stub_(server.InProcessChannel({})) {
  const grpc::Slice nothing;
  request_ = grpc::ByteBuffer(&nothing, 1);
  stub_.UnaryCall(&context_, "/grpc.health.v1.Health/Check", {}, &request_, &response_,
                  [gates = gates_](const grpc::Status&) {
                    gates->released.wait();
                    gates->gone.count_down();
                  });
}

ParkedPoller::~ParkedPoller() {
  gates_->released.count_down();
  gates_->gone.wait();
  one_is_parked.store(false);
}

}  // namespace forebay::api
