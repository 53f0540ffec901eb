// The working part of Admin. Thread rules: any thread.
#pragma once

#include "base/result.h"
#include "client/unary_calls.h"
#include "forebay/admin.h"
#include "forebay/v1/admin.grpc.pb.h"

namespace forebay {

class Admin::Core : public client::UnaryCalls {
 public:
  using UnaryCalls::UnaryCalls;

  template <typename Method, typename Request, typename Response>
  Result<void> read(Method method, const Request& request, Response& response) {
    return call<v1::Admin>(method, request, response, client::UnaryCaller::Repeat::kAlways);
  }
  template <typename Method, typename Request, typename Response>
  Result<void> change(Method method, const Request& request, Response& response) {
    return call<v1::Admin>(method, request, response, client::UnaryCaller::Repeat::kIfNotReached);
  }
};

}  // namespace forebay
