// One unary call after another, tried again within the options' timeouts: what Admin and SchemaRegistry are
// made of. Thread rules: any thread.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "client/connection.h"

namespace forebay::client {

class UnaryCalls {
 public:
  explicit UnaryCalls(const ClientOptions& options) : caller_(options), timeout_(options.request_timeout) {}

  // `method` is a pointer to the stub's member function. `look` may find in the answer why to ask again, as
  // if the call had failed with it.
  template <typename Service, typename Method, typename Request, typename Response, typename Look>
  Result<void> call(Method method, const Request& request, Response& response, UnaryCaller::Repeat repeat,
                    Look look) {
    auto failed = caller_.call(
        [&](const std::shared_ptr<grpc::Channel>& channel, const std::string& server,
            UnaryCaller::Deadline deadline) -> std::optional<RpcError> {
          grpc::ClientContext context;
          context.set_deadline(deadline);
          const auto stub = Service::NewStub(channel);
          response.Clear();
          const grpc::Status status = (stub.get()->*method)(&context, request, &response);
          if (status.ok()) return look(response);
          return rpc_error_of(status, server);
        },
        repeat);
    if (failed) return std::move(failed->error);
    return {};
  }
  template <typename Service, typename Method, typename Request, typename Response>
  Result<void> call(Method method, const Request& request, Response& response, UnaryCaller::Repeat repeat) {
    return call<Service>(method, request, response, repeat,
                         [](const Response&) -> std::optional<RpcError> { return std::nullopt; });
  }
  [[nodiscard]] std::chrono::milliseconds timeout() const { return timeout_; }

 private:
  UnaryCaller caller_;
  std::chrono::milliseconds timeout_;
};

}  // namespace forebay::client
