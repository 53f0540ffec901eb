// Sessions of producers (Log), and the names that they have (Admin).
#include <algorithm>

#include "api/admin_service.h"
#include "api/log_service.h"
#include "api/unary_call.h"

namespace forebay::api {
namespace {

constexpr std::size_t kClientIdBytesMax = 256;
// Below the 4 MiB that gRPC's clients take of a message by default, with the longest names.
constexpr std::uint32_t kProducersPerPageMax = 10'000;

}  // namespace

grpc::ServerUnaryReactor* LogService::InitProducer(grpc::CallbackServerContext* server_call,
                                                   const grpc::ByteBuffer* bytes,
                                                   grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kInitProducer, *server_call);
  const auto request = call->read<v1::InitProducerRequest>(*bytes);
  if (!request) return call;
  if (request->client_id().size() > kClientIdBytesMax) {
    call->fail({ErrorCode::kInvalidArgument,
                "client_id: is longer than " + std::to_string(kClientIdBytesMax) + " bytes"});
    return call;
  }
  // As if it only read: a session whose answer is lost is nobody's, and asking again does no harm.
  call->forward_to_leader("/forebay.v1.Log/InitProducer", *bytes, Effect::kReads);
  context_->broker.init_producer(
      {request->name(), request->client_id()},
      call->answer<v1::InitProducerResponse, broker::ProducerSession>(
          response, [](const broker::ProducerSession& session, v1::InitProducerResponse* to) {
            to->set_producer_id(session.id.value());
            to->set_epoch(session.epoch.value());
            if (session.previous_id) to->set_previous_producer_id(session.previous_id->value());
          }));
  return call;
}

grpc::ServerUnaryReactor* AdminService::ListProducers(grpc::CallbackServerContext* server_call,
                                                      const grpc::ByteBuffer* bytes,
                                                      grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kListProducers, *server_call);
  const auto request = call->read<v1::ListProducersRequest>(*bytes);
  if (!request) return call;
  broker::ListProducersRequest question{request->after(), kProducersPerPageMax};
  if (request->count_max() != 0) question.count_max = std::min(request->count_max(), kProducersPerPageMax);
  context_->broker.list_producers(
      std::move(question), call->answer<v1::ListProducersResponse, broker::ProducerPage>(
                               response, [](const broker::ProducerPage& page, v1::ListProducersResponse* to) {
                                 for (const broker::ProducerName& from : page.producers) {
                                   v1::NamedProducer* one = to->add_producers();
                                   one->set_name(from.name);
                                   one->set_producer_id(from.last.id.value());
                                   one->set_epoch(from.last.epoch.value());
                                 }
                                 to->set_more(page.more);
                               }));
  return call;
}

grpc::ServerUnaryReactor* AdminService::DeleteProducerName(grpc::CallbackServerContext* server_call,
                                                           const grpc::ByteBuffer* bytes,
                                                           grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kDeleteProducerName, *server_call);
  const auto request = call->read<v1::DeleteProducerNameRequest>(*bytes);
  if (!request) return call;
  call->forward_to_leader("/forebay.v1.Admin/DeleteProducerName", *bytes, Effect::kChanges);
  context_->broker.delete_producer_name(
      {request->name(), request->validate_only()},
      call->answer<v1::DeleteProducerNameResponse, std::monostate>(
          response, [](std::monostate, v1::DeleteProducerNameResponse*) {}));
  return call;
}

}  // namespace forebay::api
