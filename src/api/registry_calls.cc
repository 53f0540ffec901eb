#include "api/registry_calls.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "api/errors.h"
#include "api/later.h"
#include "api/messages.h"
#include "schema/core/subject_name.h"
#include "schema/local_calls.h"
#include "schema/registry.h"

namespace forebay::api {
namespace {

using schema::Done;
using Options = ClusterRegistry::Options;

// Before anybody has registered anything.
const schema::SharedImage& no_image() {
  static const schema::SharedImage image;
  return image;
}

// Of what is answered as it is kept. The others may take seconds.
template <typename Request>
bool is_quick(const Request& request) {
  if constexpr (std::is_same_v<Request, v1::LookupSchemaRequest> ||
                std::is_same_v<Request, v1::CheckSchemaRequest>) {
    return false;
  } else if constexpr (requires { request.form(); }) {
    return request.form().empty();
  } else {
    return true;
  }
}
class NoParsing final : public schema::ParsedSchemas {
  Result<schema::SchemaPtr> parsed(const schema::ImageAccess&, const schema::StoredSchemaPtr&) override {
    return Error{ErrorCode::kInternal, "a request that parses nothing has asked for a parsed schema"};
  }
};

// The way of one call.
template <typename Request>
class Way : public std::enable_shared_from_this<Way<Request>> {
 public:
  using Method = RegistryMethod<Request>;
  using Response = typename Method::Response;

  Way(ContextPtr context, Request request, const Options& options, Done<Response> done)
      : done_(std::move(done)),
        context_(std::move(context)),
        request_(std::move(request)),
        options_(options) {}

  void begin() {
    const bool is_there = broker().has_registry();
    if (!is_there && !broker().knows_topics())
      return refuse(
          Error{ErrorCode::kNotYet,
                "this node has just started, and does not know yet whether there is a schema registry; retry",
                100});
    if constexpr (Method::kChanges) {
      if (makes_registry() || is_there) return change();
      decide_on_nothing();
    } else {
      if (!is_there) return read(nullptr);
      const auto image = broker().registry_image();
      if (image != nullptr && image->is_current()) return read(image);
      refuse(Error{ErrorCode::kNotLeader, "the schema registry is not on this node", 100});
    }
  }

 private:
  [[nodiscard]] broker::Broker& broker() { return context_->broker; }
  void finish(Result<Response> answer) { done_(std::move(answer)); }

  static constexpr bool makes_registry() {
    return std::is_same_v<Request, v1::RegisterSchemaRequest> ||
           std::is_same_v<Request, v1::SetSchemaRulesRequest>;
  }

  // --- reads
  // `image`: none: nothing was ever registered.
  void read(std::shared_ptr<const schema::SharedImage> image) {
    auto answer = std::make_shared<Result<Response>>();
    if (is_quick(request_)) {  // it does not wait behind those that compare schemas
      NoParsing none;
      if constexpr (!Method::kChanges)
        *answer = schema::read(image == nullptr ? no_image() : *image, none, request_);
      return conclude(image != nullptr, std::move(*answer));
    }
    if (auto free = broker().check_schema_work(); !free) return finish(std::move(free).error());
    broker().with_schemas(
        [self = this->shared_from_this(), image, answer](schema::ParsedSchemas& schemas) {
          if (SteadyClock::now() > self->deadline_) {
            *answer = Error{ErrorCode::kTimedOut, "the request waited for others until its time was over"};
            return;
          }
          if constexpr (!Method::kChanges)
            *answer = schema::read(image == nullptr ? no_image() : *image, schemas, self->request_);
        },
        [self = this->shared_from_this(), image, answer] {
          self->conclude(image != nullptr, std::move(*answer));
        });
  }

  // What this copy does not have, its leader may.
  void conclude(bool has_copy, Result<Response> answer) {
    const bool missing = answer ? is_of_another_context(*answer) : may_be_elsewhere(answer.error());
    if (!has_copy || !missing || !options_.may_forward) return finish(std::move(answer));
    if (has_refreshed_) return finish(std::move(answer));
    const Error who = broker().name_registry_leader({ErrorCode::kNotLeader, ""});
    if (!who.leader.empty()) return forward(who);
    // This node leads, or nobody is known to: before it is said not to be there, that is made sure of.
    broker().with_registry_replica([self = this->shared_from_this()](Result<schema::Registry*> found) {
      if (!found) return self->refuse(std::move(found).error());
      (*found)->refresh([self](const Result<std::monostate>& refreshed) {
        if (!refreshed) return self->refuse(refreshed.error());
        self->has_refreshed_ = true;
        self->begin();
      });
    });
  }

  // What is not here, and what refers to it.
  [[nodiscard]] bool may_be_elsewhere(const Error& error) const {
    if constexpr (requires { request_.schema().references_size(); }) {
      if (error.code == ErrorCode::kInvalidSchema && request_.schema().references_size() > 0) return true;
    }
    return error.code == ErrorCode::kNotFound;
  }

  // Found in another context, since the one that is meant may not have it yet.
  [[nodiscard]] bool is_of_another_context(const Response& response) const {
    if constexpr (requires { request_.in_any_context(); }) {
      if (!request_.in_any_context()) return false;
      std::string subject;
      if constexpr (requires { response.version().subject(); })
        subject = response.version().subject();
      else
        subject = response.subject();
      return schema::context_of(subject) != schema::context_of(request_.subject());
    } else {
      return false;
    }
  }

  // --- changes
  void decide_on_nothing() {
    auto answer = std::make_shared<Result<Response>>();
    broker().with_schemas(
        [self = this->shared_from_this(), answer](schema::ParsedSchemas& schemas) {
          Response response;
          const auto records = self->decide(no_image(), schemas, model::Timestamp(0), response);
          *answer = records ? Result<Response>(std::move(response)) : Result<Response>(records.error());
        },
        [self = this->shared_from_this(), answer] { self->finish(std::move(*answer)); });
  }

  Result<schema::SchemaRecords> decide(const schema::ImageAccess& access, schema::ParsedSchemas& schemas,
                                       model::Timestamp now, Response& response) {
    if constexpr (Method::kChanges) {
      return schema::decide(access, schemas, now, request_, response);
    } else {
      return schema::SchemaRecords{};
    }
  }

  void change() {
    broker().with_registry([self = this->shared_from_this()](Result<schema::Registry*> found) {
      if (!found) return self->refuse(std::move(found).error());
      auto response = std::make_shared<Response>();
      (*found)->change(
          [self, response](const schema::ImageAccess& access, schema::ParsedSchemas& schemas,
                           model::Timestamp now) { return self->decide(access, schemas, now, *response); },
          [self, response](Result<model::Offset> applied) {
            if (!applied) return self->refuse(std::move(applied).error());
            if constexpr (Method::kChanges) response->set_state_offset(applied->value());
            self->finish(std::move(*response));
          });
    });
  }

  // --- the leader
  void refuse(Error error) {
    if (error.code == ErrorCode::kNotLeader) error = broker().name_registry_leader(std::move(error));
    if (!options_.may_forward) return finish(std::move(error));
    if (error.code == ErrorCode::kNotLeader && !error.leader.empty()) return forward(error);
    if (!begin_again(error)) finish(std::move(error));
  }

  // Nothing was done, and soon there is a leader: the registry is being made, or another node takes over.
  // Clients of registries do not try again by themselves. Returns: whether it will.
  [[nodiscard]] bool begin_again(const Error& why) {
    // kShuttingDown: of a leader that refuses what is new, since another one is about to take over.
    const bool passes = why.code == ErrorCode::kNotYet || why.code == ErrorCode::kNotLeader ||
                        why.code == ErrorCode::kShuttingDown;
    if (!passes || !options_.may_forward || context_->calls->stopping() ||
        SteadyClock::now() + kBeginAgain > std::min(deadline_, begun_ + kLeaderWaitMax))
      return false;
    run_later(kBeginAgain, [self = this->shared_from_this()] { self->begin(); });
    return true;
  }

  void forward(const Error& refusal) {
    grpc::ByteBuffer bytes;
    write_message(request_, &bytes);
    context_->forwarder.send(refusal.leader, Method::kPath, std::move(bytes), wall_deadline(),
                             [self = this->shared_from_this(), refusal](Forwarded outcome) mutable {
                               self->take(std::move(outcome), refusal);
                             });
  }

  void take(Forwarded outcome, const Error& refusal) {
    if (outcome.fate != Forwarded::Fate::kAnswered) {
      if (outcome.fate == Forwarded::Fate::kNotSent && begin_again(refusal)) return;
      return finish(forward_failure(outcome, refusal, Method::kChanges ? Effect::kChanges : Effect::kReads));
    }
    if (!outcome.status.ok()) {
      const auto detail = detail_in(outcome.status);
      Error error =
          detail ? error_of(*detail) : Error{ErrorCode::kUnavailable, outcome.status.error_message()};
      if (!begin_again(error)) finish(std::move(error));
      return;
    }
    auto response = read_message<Response>(outcome.bytes);
    if (!response) return finish(std::move(response).error());
    if constexpr (Method::kChanges) {
      wait_until_here(std::move(*response));
    } else {
      finish(std::move(*response));
    }
  }

  // The change is made: whether it has come here by then or not, it is answered.
  void wait_until_here(Response response) {
    model::Offset offset;
    if constexpr (Method::kChanges) offset = model::Offset(response.state_offset());
    if (broker().registry_image() == nullptr) return finish(std::move(response));
    auto kept = std::make_shared<Response>(std::move(response));
    broker().with_registry_replica(
        [self = this->shared_from_this(), offset, kept](Result<schema::Registry*> found) {
          if (!found) return self->finish(std::move(*kept));
          (*found)->when_applied(
              offset, [self, kept](const Result<std::monostate>&) { self->finish(std::move(*kept)); });
        });
  }

  // How long it is tried to find a leader: several elections.
  static constexpr std::chrono::seconds kLeaderWaitMax{10};
  static constexpr std::chrono::milliseconds kBeginAgain{50};

  // gRPC's deadlines are of the wall clock. A jump of it must neither end nor prolong a wait: it is asked
  // when the call begins and when it is sent on, no longer before.
  using SteadyClock = std::chrono::steady_clock;
  [[nodiscard]] Forwarder::Deadline wall_deadline() const {
    return std::chrono::system_clock::now() +
           std::chrono::duration_cast<Forwarder::Deadline::duration>(deadline_ - SteadyClock::now());
  }

  Done<Response> done_;  // goes last: without it the node does not wait for this call any more
  const ContextPtr context_;
  const SteadyClock::time_point begun_ = SteadyClock::now();
  const Request request_;
  const Options options_;
  const SteadyClock::time_point deadline_ =
      begun_ +
      std::chrono::duration_cast<SteadyClock::duration>(options_.deadline - std::chrono::system_clock::now());
  bool has_refreshed_ = false;  // this copy has all that its leader had when it was asked
};

}  // namespace

template <typename Request>
void ClusterRegistry::call(Request request, const Options& options, Done<ResponseOf<Request>> done) {
  std::make_shared<Way<Request>>(context_, std::move(request), options, std::move(done))->begin();
}

template void ClusterRegistry::call(v1::RegisterSchemaRequest, const Options&,
                                    schema::Done<v1::RegisterSchemaResponse>);
template void ClusterRegistry::call(v1::LookupSchemaRequest, const Options&, schema::Done<v1::SchemaVersion>);
template void ClusterRegistry::call(v1::CheckSchemaRequest, const Options&,
                                    schema::Done<v1::CheckSchemaResponse>);
template void ClusterRegistry::call(v1::GetSchemaRequest, const Options&,
                                    schema::Done<v1::GetSchemaResponse>);
template void ClusterRegistry::call(v1::GetSchemaVersionRequest, const Options&,
                                    schema::Done<v1::GetSchemaVersionResponse>);
template void ClusterRegistry::call(v1::ListSubjectsRequest, const Options&,
                                    schema::Done<v1::ListSubjectsResponse>);
template void ClusterRegistry::call(v1::ListSchemaVersionsRequest, const Options&,
                                    schema::Done<v1::ListSchemaVersionsResponse>);
template void ClusterRegistry::call(v1::DeleteSchemaVersionsRequest, const Options&,
                                    schema::Done<v1::DeleteSchemaVersionsResponse>);
template void ClusterRegistry::call(v1::GetSchemaRulesRequest, const Options&,
                                    schema::Done<v1::GetSchemaRulesResponse>);
template void ClusterRegistry::call(v1::SetSchemaRulesRequest, const Options&,
                                    schema::Done<v1::SetSchemaRulesResponse>);
template void ClusterRegistry::call(v1::ClearSchemaRulesRequest, const Options&,
                                    schema::Done<v1::SetSchemaRulesResponse>);
template void ClusterRegistry::call(v1::ListSchemaContextsRequest, const Options&,
                                    schema::Done<v1::ListSchemaContextsResponse>);
template void ClusterRegistry::call(v1::DeleteSchemaContextRequest, const Options&,
                                    schema::Done<v1::DeleteSchemaContextResponse>);

}  // namespace forebay::api
