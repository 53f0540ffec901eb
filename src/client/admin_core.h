// The working part of Admin: one unary call after another, tried again within the options' timeouts.
// Thread rules: any thread.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include "base/result.h"
#include "client/connection.h"
#include "forebay/admin.h"
#include "forebay/v1/admin.grpc.pb.h"

namespace forebay {

class Admin::Core {
 public:
  explicit Core(const ClientOptions& options) : caller_(options), timeout_(options.request_timeout) {}

  // One unary call: `method` is a pointer to the stub's member function. `look` may find in the answer why
  // to ask again, as if the call had failed with it.
  template <typename Service, typename Method, typename Request, typename Response, typename Look>
  Result<void> call(Method method, const Request& request, Response& response,
                    client::UnaryCaller::Repeat repeat, Look look) {
    auto failed = caller_.call(
        [&](const std::shared_ptr<grpc::Channel>& channel, const std::string& server,
            client::UnaryCaller::Deadline deadline) -> std::optional<client::RpcError> {
          grpc::ClientContext context;
          context.set_deadline(deadline);
          const auto stub = Service::NewStub(channel);
          response.Clear();
          const grpc::Status status = (stub.get()->*method)(&context, request, &response);
          if (status.ok()) return look(response);
          return client::rpc_error_of(status, server);
        },
        repeat);
    if (failed) return std::move(failed->error);
    return {};
  }
  template <typename Service, typename Method, typename Request, typename Response>
  Result<void> call(Method method, const Request& request, Response& response,
                    client::UnaryCaller::Repeat repeat) {
    return call<Service>(method, request, response, repeat,
                         [](const Response&) -> std::optional<client::RpcError> { return std::nullopt; });
  }
  template <typename Method, typename Request, typename Response>
  Result<void> read(Method method, const Request& request, Response& response) {
    return call<v1::Admin>(method, request, response, client::UnaryCaller::Repeat::kAlways);
  }
  template <typename Method, typename Request, typename Response>
  Result<void> change(Method method, const Request& request, Response& response) {
    return call<v1::Admin>(method, request, response, client::UnaryCaller::Repeat::kIfNotReached);
  }
  [[nodiscard]] std::chrono::milliseconds timeout() const { return timeout_; }

 private:
  client::UnaryCaller caller_;
  std::chrono::milliseconds timeout_;
};

}  // namespace forebay
