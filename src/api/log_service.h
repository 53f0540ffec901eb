// The service Log. Its methods get and give raw bytes (messages.h): batches go through without being copied
// into messages.
// Thread rules: called by gRPC on its threads.
#pragma once

#include "api/context.h"
#include "forebay/v1/log.grpc.pb.h"

namespace forebay::api {

using LogServiceBase = v1::Log::WithRawCallbackMethod_Produce<v1::Log::WithRawCallbackMethod_Append<
    v1::Log::WithRawCallbackMethod_Fetch<v1::Log::WithRawCallbackMethod_Subscribe<
        v1::Log::WithRawCallbackMethod_ListOffsets<v1::Log::WithRawCallbackMethod_FenceProducer<
            v1::Log::WithRawCallbackMethod_InitProducer<v1::Log::Service>>>>>>>;

class LogService final : public LogServiceBase {
 public:
  explicit LogService(ContextPtr context) : context_(std::move(context)) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Produce(
      grpc::CallbackServerContext* call) override;
  grpc::ServerUnaryReactor* Append(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                   grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* Fetch(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                  grpc::ByteBuffer* response) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Subscribe(grpc::CallbackServerContext* call,
                                                        const grpc::ByteBuffer* request) override;
  grpc::ServerUnaryReactor* ListOffsets(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;

  grpc::ServerUnaryReactor* FenceProducer(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* InitProducer(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response) override;

 private:
  const ContextPtr context_;
};

}  // namespace forebay::api
