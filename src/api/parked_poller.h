// gRPC's callback API polls its sockets with at least two threads. One of them waits for events while the
// others wait to take over from it, so each event wakes two threads: one to handle it, and one to wait for
// the next. On a machine with as few cores as gRPC has threads that costs a good part of what a small message
// costs at all (docs/performance.md), and no core is left that the second thread could use. So one of them is
// parked: it runs a callback that ends when the server does.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/server.h>

#include <latch>
#include <memory>

namespace forebay::api {

class ParkedPoller {
 public:
  // Parks one thread, by a call within the process that `server` answers. Nothing when one of this process is
  // parked already: gRPC's threads are shared by all of its servers and clients, and one has to be left.
  [[nodiscard]] static std::unique_ptr<ParkedPoller> park(grpc::Server& server);
  // Lets the thread go and waits until it is gone from here. Before the server ends.
  ~ParkedPoller();
  ParkedPoller(const ParkedPoller&) = delete;
  ParkedPoller& operator=(const ParkedPoller&) = delete;

 private:
  explicit ParkedPoller(grpc::Server& server);

  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  grpc::ByteBuffer request_, response_;
  // The callback may still be on its way out of the second one when this is destroyed.
  struct Gates {
    std::latch released{1}, gone{1};
  };
  const std::shared_ptr<Gates> gates_ = std::make_shared<Gates>();
};

}  // namespace forebay::api
