#include "api/admin_service.h"

#include <algorithm>
#include <string>
#include <utility>

#include "api/cluster_view.h"
#include "api/errors.h"
#include "api/leader_parts.h"
#include "api/unary_call.h"
#include "config/address.h"
#include "telemetry/log.h"

// Calls delete themselves when gRPC and the broker have let go of them.
namespace forebay::api {
namespace {

constexpr std::uint32_t kCreateTimeoutDefaultMs = 30'000;
constexpr const char* kDescribeTopicPath = "/forebay.v1.Admin/DescribeTopic";
constexpr const char* kTrimTopicPath = "/forebay.v1.Admin/TrimTopic";
// A description is worth having without what a leader that hangs would say.
constexpr std::chrono::seconds kDescribeMax{5};

template <typename Map>
std::map<std::string, std::string> config_of(const Map& from) {
  return {from.begin(), from.end()};
}

void fill_entry(const broker::ConfigEntry& from, v1::ConfigEntry* to) {
  to->set_name(from.name);
  to->set_value(from.value);
  to->set_is_default(from.is_default);
  to->set_doc(from.doc);
}

void fill_partition(const broker::PartitionDescription& from, v1::PartitionDescription* to) {
  to->set_partition(from.partition.value());
  to->set_leader(from.leader ? from.leader->value() : 0);
  to->set_term(from.term.value());
  for (const model::NodeId node : from.replicas) to->add_replicas(node.value());
  to->set_log_start(from.log_start.value());
  to->set_log_end(from.high_watermark.value());
  to->set_disk_bytes(from.disk_bytes);
  to->set_state(from.state);
  for (const broker::DamagedRange& range : from.damage) {
    v1::DamagedRange* damage = to->add_damage();
    damage->set_begin_offset(range.begin.value());
    if (range.end) damage->set_end_offset(range.end->value());
    damage->set_accepted(range.accepted);
  }
  if (from.oldest_append_time) to->set_oldest_append_time_ms(from.oldest_append_time->value());
  if (from.oldest_leaves_at) to->set_oldest_leaves_at_ms(from.oldest_leaves_at->value());
  if (from.last_full_scrub) to->set_last_full_scrub_ms(from.last_full_scrub->value());
  to->set_segments(from.segments);
}

void fill_topic(const broker::TopicDescription& from, v1::DescribeTopicResponse* to) {
  to->set_name(from.name);
  to->set_id(from.id.to_string());
  to->set_replication_factor(from.replication_factor);
  to->set_internal(from.internal);
  to->set_dead_letters_of(from.dead_letters_of);
  for (const auto& partition : from.partitions) fill_partition(partition, to->add_partitions());
  for (const auto& entry : from.config) fill_entry(entry, to->add_config());
}

// The address that brought this client here works for it; the one that the node listens on may be a wildcard
// or another network's. `dialled` is what the client says, so it is believed only when it is an address.
std::string address_for_client(const broker::NodeDescription& node, const std::string& dialled) {
  if (node.api_advertised) return *node.api_advertised;
  const auto address = config::parse_address(dialled);
  return address && address->port != 0 ? address->to_string() : node.api_address;
}

Result<std::vector<broker::TrimPoint>> trim_points(const v1::TrimTopicRequest& request) {
  if (request.points().empty()) return Error{ErrorCode::kInvalidArgument, "points: none given"};
  std::vector<broker::TrimPoint> points;
  for (const v1::TrimPoint& from : request.points()) {
    if (from.partition() < 0) {
      return Error{ErrorCode::kInvalidArgument, "points.partition: must not be negative"};
    }
    if (from.before_offset() < -1) {
      return Error{ErrorCode::kInvalidArgument,
                   "points.before_offset: must be an offset, or -1 for the high watermark"};
    }
    broker::TrimPoint point{model::PartitionIndex(from.partition()), {}};
    if (from.before_offset() >= 0) point.before = model::Offset(from.before_offset());
    points.push_back(point);
  }
  return points;
}

// Each partition as its leader sees it; what this node knows where the leader cannot be asked.
void merge_description(v1::DescribeTopicResponse& into, const std::vector<int>& entries,
                       const std::string& leader, const Result<v1::DescribeTopicResponse>& answer) {
  for (const int entry : entries) {
    v1::PartitionDescription& partition = *into.mutable_partitions(entry);
    if (!answer) {
      partition.set_state("its leader, " + leader + ", cannot be asked: " + answer.error().context);
      continue;
    }
    for (const v1::PartitionDescription& theirs : answer->partitions()) {
      if (theirs.partition() == partition.partition()) partition = theirs;
    }
  }
}

void answer_description(const ContextPtr& context, CallHold<UnaryCall> call, grpc::ByteBuffer* response,
                        const broker::TopicDescription& topic) {
  v1::DescribeTopicResponse message;
  fill_topic(topic, &message);
  LeaderParts<v1::DescribeTopicRequest> elsewhere;
  for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
    const std::string& leader = topic.partitions[i].leader_address;
    if (leader.empty() || call->is_forwarded_here()) continue;
    elsewhere[leader].request.set_name(topic.name);
    elsewhere[leader].entries.push_back(static_cast<int>(i));
  }
  if (elsewhere.empty()) return call->succeed(message, response);
  const auto deadline = std::min(call->deadline(), std::chrono::system_clock::now() + kDescribeMax);
  ask_leaders(context, kDescribeTopicPath, deadline, Effect::kReads, elsewhere, std::move(message),
              merge_description, [call = std::move(call), response](const v1::DescribeTopicResponse& whole) {
                call->succeed(whole, response);
              });
}

// A leader answers in the order of the points.
void merge_trim(v1::TrimTopicResponse& into, const std::vector<int>& entries, const std::string& /*leader*/,
                const Result<v1::TrimTopicResponse>& answer) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    v1::TrimResult& result = *into.mutable_results(entries[i]);
    const int theirs = static_cast<int>(i);
    if (!answer) {
      *result.mutable_error() = to_detail(answer.error(), {result.error().topic(), result.partition()});
    } else if (theirs < answer->results_size() && answer->results(theirs).partition() == result.partition()) {
      result = answer->results(theirs);
    }
  }
}

void answer_trim(const ContextPtr& context, CallHold<UnaryCall> call, grpc::ByteBuffer* response,
                 const v1::TrimTopicRequest& request, const std::vector<broker::TrimResult>& results) {
  v1::TrimTopicResponse message;
  LeaderParts<v1::TrimTopicRequest> elsewhere;
  for (const broker::TrimResult& from : results) {  // as many as points, in their order
    const int entry = message.results_size();
    v1::TrimResult* to = message.add_results();
    to->set_partition(from.partition.value());
    to->set_log_start(from.log_start.value());
    if (!from.error) continue;
    *to->mutable_error() = to_detail(*from.error, {request.name(), from.partition.value()});
    if (!call->may_forward(*from.error)) continue;
    auto& part = elsewhere[from.error->leader];
    part.request.set_name(request.name());
    *part.request.add_points() = request.points(entry);
    part.entries.push_back(entry);
  }
  if (elsewhere.empty()) return call->succeed(message, response);
  const Forwarder::Deadline deadline = call->deadline();
  ask_leaders(context, kTrimTopicPath, deadline, Effect::kChanges, elsewhere, std::move(message), merge_trim,
              [call = std::move(call), response](const v1::TrimTopicResponse& whole) {
                call->succeed(whole, response);
              });
}

}  // namespace

grpc::ServerUnaryReactor* AdminService::CreateTopic(grpc::CallbackServerContext* server_call,
                                                    const grpc::ByteBuffer* bytes,
                                                    grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kCreateTopic, *server_call);
  const auto request = call->read<v1::CreateTopicRequest>(*bytes);
  if (!request) return call;
  call->forward_to_leader("/forebay.v1.Admin/CreateTopic", *bytes, Effect::kChanges);
  call->about(request->name());
  broker::CreateTopicRequest question;
  question.name = request->name();
  question.partitions = request->partitions() == 0 ? 1 : request->partitions();
  question.replication_factor = request->replication_factor();
  question.allow_single_copy = request->allow_single_copy();
  question.config = config_of(request->config());
  question.validate_only = request->validate_only();
  question.timeout =
      std::chrono::milliseconds(request->timeout_ms() == 0 ? kCreateTimeoutDefaultMs : request->timeout_ms());
  context_->broker.create_topic(
      std::move(question),
      call->answer<v1::CreateTopicResponse, broker::CreateTopicResult>(
          response, [](const broker::CreateTopicResult& created, v1::CreateTopicResponse* to) {
            to->set_id(created.id.to_string());
            to->set_partitions(created.partitions);
            to->set_replication_factor(created.replication_factor);
          }));
  return call;
}

grpc::ServerUnaryReactor* AdminService::ListTopics(grpc::CallbackServerContext* server_call,
                                                   const grpc::ByteBuffer* bytes,
                                                   grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kListTopics, *server_call);
  const auto request = call->read<v1::ListTopicsRequest>(*bytes);
  if (!request) return call;
  using Topics = std::vector<broker::TopicSummary>;
  context_->broker.list_topics(request->include_internal(),
                               call->answer<v1::ListTopicsResponse, Topics>(
                                   response, [](const Topics& topics, v1::ListTopicsResponse* list) {
                                     for (const broker::TopicSummary& from : topics) {
                                       v1::TopicSummary* to = list->add_topics();
                                       to->set_name(from.name);
                                       to->set_id(from.id.to_string());
                                       to->set_partitions(from.partitions);
                                       to->set_replication_factor(from.replication_factor);
                                       to->set_internal(from.internal);
                                       to->set_disk_bytes(from.disk_bytes);
                                       to->set_dead_letters_of(from.dead_letters_of);
                                     }
                                   }));
  return call;
}

grpc::ServerUnaryReactor* AdminService::DescribeTopic(grpc::CallbackServerContext* server_call,
                                                      const grpc::ByteBuffer* bytes,
                                                      grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kDescribeTopic, *server_call);
  const auto request = call->read<v1::DescribeTopicRequest>(*bytes);
  if (!request) return call;
  call->about(request->name());
  context_->broker.describe_topic(request->name(), [context = context_, hold = CallHold(call), response](
                                                       Result<broker::TopicDescription> topic) mutable {
    if (!topic) return hold->fail(topic.error());
    answer_description(context, std::move(hold), response, *topic);
  });
  return call;
}

grpc::ServerUnaryReactor* AdminService::AlterTopic(grpc::CallbackServerContext* server_call,
                                                   const grpc::ByteBuffer* bytes,
                                                   grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kAlterTopic, *server_call);
  const auto request = call->read<v1::AlterTopicRequest>(*bytes);
  if (!request) return call;
  call->forward_to_leader("/forebay.v1.Admin/AlterTopic", *bytes, Effect::kChanges);
  call->about(request->name());
  broker::AlterTopicRequest question;
  question.name = request->name();
  question.set = config_of(request->set());
  question.unset.assign(request->unset().begin(), request->unset().end());
  question.validate_only = request->validate_only();
  using Config = std::vector<broker::ConfigEntry>;
  context_->broker.alter_topic(std::move(question),
                               call->answer<v1::AlterTopicResponse, Config>(
                                   response, [](const Config& config, v1::AlterTopicResponse* to) {
                                     for (const broker::ConfigEntry& entry : config)
                                       fill_entry(entry, to->add_config());
                                   }));
  return call;
}

grpc::ServerUnaryReactor* AdminService::DeleteTopic(grpc::CallbackServerContext* server_call,
                                                    const grpc::ByteBuffer* bytes,
                                                    grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kDeleteTopic, *server_call);
  const auto request = call->read<v1::DeleteTopicRequest>(*bytes);
  if (!request) return call;
  call->forward_to_leader("/forebay.v1.Admin/DeleteTopic", *bytes, Effect::kChanges);
  call->about(request->name());
  context_->broker.delete_topic(request->name(),
                                call->answer<v1::DeleteTopicResponse, std::monostate>(
                                    response, [](std::monostate, v1::DeleteTopicResponse*) {}));
  return call;
}

grpc::ServerUnaryReactor* AdminService::AddPartitions(grpc::CallbackServerContext* server_call,
                                                      const grpc::ByteBuffer* bytes,
                                                      grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kAddPartitions, *server_call);
  const auto request = call->read<v1::AddPartitionsRequest>(*bytes);
  if (!request) return call;
  call->forward_to_leader("/forebay.v1.Admin/AddPartitions", *bytes, Effect::kChanges);
  call->about(request->name());
  context_->broker.add_partitions(
      request->name(), request->total(), request->validate_only(),
      call->answer<v1::AddPartitionsResponse, broker::AddPartitionsResult>(
          response, [](const broker::AddPartitionsResult& result, v1::AddPartitionsResponse* to) {
            to->set_partitions(result.partitions);
            to->set_warning(result.warning);
          }));
  return call;
}

grpc::ServerUnaryReactor* AdminService::TrimTopic(grpc::CallbackServerContext* server_call,
                                                  const grpc::ByteBuffer* bytes, grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kTrimTopic, *server_call);
  const auto request = call->read<v1::TrimTopicRequest>(*bytes);
  if (!request) return call;
  call->about(request->name());
  auto points = trim_points(*request);
  if (!points) {
    call->fail(points.error());
    return call;
  }
  context_->broker.trim_topic(request->name(), std::move(*points),
                              [context = context_, hold = CallHold(call), response,
                               request = *request](Result<std::vector<broker::TrimResult>> results) mutable {
                                if (!results) return hold->fail(results.error());
                                answer_trim(context, std::move(hold), response, request, *results);
                              });
  return call;
}

grpc::ServerUnaryReactor* AdminService::DescribeNode(grpc::CallbackServerContext* server_call,
                                                     const grpc::ByteBuffer* bytes,
                                                     grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kDescribeNode, *server_call);
  const auto request = call->read<v1::DescribeNodeRequest>(*bytes);
  if (!request) return call;
  const grpc::string_ref authority = server_call->ExperimentalGetAuthority();
  std::string dialled(authority.data(), authority.size());
  context_->broker.describe_node(call->answer<v1::DescribeNodeResponse, broker::NodeDescription>(
      response,
      [dialled = std::move(dialled)](const broker::NodeDescription& node, v1::DescribeNodeResponse* to) {
        fill_node(node, to);
        to->set_api_address(address_for_client(node, dialled));
      }));
  return call;
}

grpc::ServerUnaryReactor* AdminService::SetLogLevel(grpc::CallbackServerContext* server_call,
                                                    const grpc::ByteBuffer* bytes,
                                                    grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kSetLogLevel, *server_call);
  const auto request = call->read<v1::SetLogLevelRequest>(*bytes);
  if (!request) return call;
  const auto level = telemetry::parse_level(request->level());
  if (!level) {
    call->fail({ErrorCode::kInvalidArgument,
                "level: '" + request->level() + "' is none of error, warn, info, debug"});
    return call;
  }
  const telemetry::Level before = telemetry::log_level();
  telemetry::set_log_level(*level);
  telemetry::log_info("log level changed",
                      {{"from", telemetry::level_name(before)}, {"to", telemetry::level_name(*level)}});
  v1::SetLogLevelResponse message;
  message.set_previous(std::string(telemetry::level_name(before)));
  call->succeed(message, response);
  return call;
}

}  // namespace forebay::api
