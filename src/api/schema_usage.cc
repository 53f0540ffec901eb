#include "api/schema_usage.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "api/leader_parts.h"
#include "schema/core/registry_error.h"
#include "schema/core/subject_name.h"
#include "schema/usage_book.h"

namespace forebay::api {
namespace {

using Request = v1::DescribeSchemaUsageRequest;
using Response = v1::DescribeSchemaUsageResponse;
using Options = ClusterRegistry::Options;

constexpr const char* kPath = "/forebay.v1.SchemaRegistry/DescribeSchemaUsage";
// What others know is worth having without a node that hangs.
constexpr std::chrono::seconds kAskMax{5};
constexpr std::int32_t kLatestVersion = -1;

void put_usage(const schema::SchemaUsage& from, std::int32_t version, Response::Usage* to) {
  to->set_version(version);
  to->set_id(from.id);
  to->set_topic(from.topic);
  to->set_records(from.records);
  to->set_first_ms(from.first.value());
  to->set_last_ms(from.last.value());
  for (const schema::SchemaProducer& one : from.producers) {
    auto* producer = to->add_producers();
    producer->set_client_id(one.client_id);
    producer->set_records(one.records);
    producer->set_last_ms(one.last.value());
  }
}

// What this node has seen of the versions. Records say ids of the default context.
Response own_usage(broker::Broker& broker, const v1::ListSchemaVersionsResponse& versions) {
  std::map<std::int32_t, std::int32_t> version_of;  // a schema may be several versions: the last one counts
  std::set<std::int32_t> ids;
  for (const v1::SchemaVersion& one : versions.versions()) {
    if (schema::context_of(one.subject()) != schema::kDefaultContext) continue;
    version_of[one.id()] = one.version();
    ids.insert(one.id());
  }
  Response response;
  for (const schema::SchemaUsage& one : broker.schema_usage(ids))
    put_usage(one, version_of.at(one.id), response.add_usages());
  return response;
}

void merge_producer(const Response::Producer& from, Response::Usage& into) {
  for (Response::Producer& known : *into.mutable_producers()) {
    if (known.client_id() != from.client_id()) continue;
    known.set_records(known.records() + from.records());
    known.set_last_ms(std::max(known.last_ms(), from.last_ms()));
    return;
  }
  *into.add_producers() = from;
}

// Several nodes have led partitions of one topic.
void finish(Response& response) {
  std::map<std::pair<std::int32_t, std::string>, Response::Usage> merged;
  for (const Response::Usage& one : response.usages()) {
    const auto [at, is_new] = merged.try_emplace({one.version(), one.topic()}, one);
    if (is_new) continue;
    Response::Usage& into = at->second;
    into.set_records(into.records() + one.records());
    into.set_first_ms(std::min(into.first_ms(), one.first_ms()));
    into.set_last_ms(std::max(into.last_ms(), one.last_ms()));
    for (const Response::Producer& producer : one.producers()) merge_producer(producer, into);
  }
  response.clear_usages();
  for (auto& [key, usage] : merged) {
    std::sort(usage.mutable_producers()->begin(), usage.mutable_producers()->end(),
              [](const auto& a, const auto& b) { return a.last_ms() > b.last_ms(); });
    *response.add_usages() = std::move(usage);
  }
}

void ask_others(const ContextPtr& context, const broker::ClusterDescription& cluster, const Request& request,
                const Options& options, Response response, schema::Done<Response> done) {
  LeaderParts<Request> parts;
  for (const broker::ClusterNode& node : cluster.nodes) {
    if (node.id == cluster.answered_by) continue;
    if (!node.alive || node.api_address.empty()) {
      response.add_missing_nodes(node.id.value());
      continue;
    }
    auto& part = parts[node.api_address];
    part.request = request;
    part.entries = {static_cast<int>(node.id.value())};
  }
  if (parts.empty()) {
    finish(response);
    return done(std::move(response));
  }
  auto merge = [](Response& into, const std::vector<int>& node, const std::string& /*address*/,
                  const Result<Response>& answer) {
    if (!answer) return into.add_missing_nodes(static_cast<std::uint32_t>(node.front()));
    into.mutable_usages()->MergeFrom(answer->usages());
  };
  const auto deadline = std::min(options.deadline, std::chrono::system_clock::now() + kAskMax);
  ask_leaders(context, kPath, deadline, Effect::kReads, parts, std::move(response), merge,
              [done = std::move(done)](Response& whole) mutable {
                finish(whole);
                done(std::move(whole));
              });
}

// Of those that are not deleted.
std::set<std::int32_t> versions_meant(const v1::ListSchemaVersionsResponse& active,
                                      const v1::DeleteSchemaVersionsRequest& request) {
  std::set<std::int32_t> versions;
  for (const v1::SchemaVersion& one : active.versions()) versions.insert(one.version());
  if (!request.has_version()) return versions;
  if (request.version() == kLatestVersion && !versions.empty()) return {*versions.rbegin()};
  return versions.contains(request.version()) ? std::set{request.version()} : std::set<std::int32_t>{};
}

}  // namespace

void describe_usage(const ContextPtr& context, ClusterRegistry& registry, Request request,
                    const Options& options, schema::Done<Response> done) {
  v1::ListSchemaVersionsRequest list;
  list.set_subject(request.subject());
  list.set_deleted(true);
  registry.call(std::move(list), options,
                schema::Done<v1::ListSchemaVersionsResponse>(
                    [context, request = std::move(request), options,
                     done = std::move(done)](Result<v1::ListSchemaVersionsResponse> versions) mutable {
                      if (!versions) return done(std::move(versions).error());
                      Response response = own_usage(context->broker, *versions);
                      if (!options.may_forward) return done(std::move(response));
                      context->broker.describe_cluster(
                          [context, request = std::move(request), options, response = std::move(response),
                           done = std::move(done)](Result<broker::ClusterDescription> cluster) mutable {
                            if (!cluster) return done(std::move(cluster).error());
                            ask_others(context, *cluster, request, options, std::move(response),
                                       std::move(done));
                          });
                    }));
}

std::optional<Error> in_use(const Response& usage, const std::string& subject,
                            const std::set<std::int32_t>& versions, model::Timestamp now) {
  const auto since = now.value() - std::chrono::milliseconds(kInUseWithin).count();
  for (const Response::Usage& one : usage.usages()) {
    if (one.last_ms() < since || !versions.contains(one.version())) continue;
    std::string who;
    for (const Response::Producer& producer : one.producers()) {
      if (producer.last_ms() < since || producer.client_id().empty()) continue;
      who += (who.empty() ? ", from '" : ", '") + producer.client_id() + "'";
    }
    return schema::registry_error(schema::RegistryCode::kNotPermitted,
                                  "version " + std::to_string(one.version()) + " of subject '" + subject +
                                      "' is in use: topic '" + one.topic() + "' got " +
                                      std::to_string(one.records()) + " records with it" + who +
                                      ", the last within seven days; stop those producers first (forebay "
                                      "schema usage), or use --force");
  }
  if (usage.missing_nodes().empty() || versions.empty()) return std::nullopt;
  std::string nodes;
  for (const std::uint32_t node : usage.missing_nodes())
    nodes += (nodes.empty() ? "" : ", ") + std::to_string(node);
  return schema::registry_error(schema::RegistryCode::kNotPermitted,
                                "node " + nodes + " cannot be asked whether subject '" + subject +
                                    "' is in use there; try again when it is back, or use --force");
}

void check_unused(const ContextPtr& context, ClusterRegistry& registry,
                  const v1::DeleteSchemaVersionsRequest& request, const Options& options,
                  schema::Done<std::monostate> done) {
  v1::ListSchemaVersionsRequest list;
  list.set_subject(request.subject());
  registry.call(
      std::move(list), options,
      schema::Done<v1::ListSchemaVersionsResponse>(
          [context, &registry, request, options,
           done = std::move(done)](Result<v1::ListSchemaVersionsResponse> active) mutable {
            if (!active && active.error().code == ErrorCode::kNotFound) return done(std::monostate{});
            if (!active) return done(std::move(active).error());
            auto wanted = versions_meant(*active, request);
            v1::DescribeSchemaUsageRequest question;
            question.set_subject(request.subject());
            describe_usage(
                context, registry, std::move(question), options,
                schema::Done<Response>([context, subject = request.subject(), wanted = std::move(wanted),
                                        done = std::move(done)](Result<Response> usage) mutable {
                  if (!usage) return done(std::move(usage).error());
                  if (auto why = in_use(*usage, subject, wanted, context->clock.now()))
                    return done(*std::move(why));
                  done(std::monostate{});
                }));
          }));
}

}  // namespace forebay::api
