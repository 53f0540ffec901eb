// Sessions of producers: an id of this node's block, or what the controller decides about a name.
#include <utility>

#include "broker/node_broker.h"
#include "cluster/core/producer_sessions.h"
#include "telemetry/log.h"

namespace forebay::broker {
namespace {

// It may be decided, and then nobody has it: the next one is as good.
Error nobody_has_it(Error error) {
  if (error.code != ErrorCode::kOutcomeUnknown && error.code != ErrorCode::kTimedOut) return error;
  return {ErrorCode::kNotYet, "no session has begun: " + error.context + "; retry, which does no harm", 100};
}

}  // namespace

void NodeBroker::init_producer(InitProducerRequest request, Done<ProducerSession> done) {
  if (auto open = check_intake(); !open) return done(open.error());
  if (request.name.empty()) return init_unnamed_producer(std::move(done));
  if (auto named = cluster::check_producer_name(request.name); !named) return done(named.error());
  init_named_producer(std::move(request), std::move(done));
}

void NodeBroker::init_unnamed_producer(Done<ProducerSession> done) {
  on_controller([this, done = std::move(done)]() mutable {
    if (controller_ == nullptr) return done(Error{ErrorCode::kNotYet, "the node is starting; retry", 100});
    producer_ids_->take([done = std::move(done)](Result<model::ProducerId> id) mutable {
      if (!id) return done(std::move(id).error());
      done(ProducerSession{*id});
    });
  });
}

void NodeBroker::init_named_producer(InitProducerRequest request, Done<ProducerSession> done) {
  on_controller([this, request = std::move(request), done = std::move(done)]() mutable {
    if (auto open = check_decides(); !open) return done(open.error());
    auto session = std::make_shared<ProducerSession>();
    controller_->submit(
        [this, name = request.name,
         session](const cluster::ClusterImage& image) -> Result<cluster::ClusterRecord> {
          FOREBAY_TRY(auto named, cluster::decide_producer_session(image, name, config_.limits));
          *session = {named.id, named.epoch, cluster::previous_id(image, named)};
          return cluster::ClusterRecord(std::move(named));
        },
        [this, request, session, done = std::move(done)](Result<cluster::ImagePtr> image) mutable {
          if (!image) return done(nobody_has_it(with_controller(std::move(image).error())));
          telemetry::log_info("session of a named producer", {{"name", request.name},
                                                              {"id", session->id.value()},
                                                              {"epoch", std::int64_t{session->epoch.value()}},
                                                              {"client", request.client_id}});
          done(*session);
        });
  });
}

void NodeBroker::list_producers(ListProducersRequest request, Done<ProducerPage> done) {
  if (auto open = check_not_refused(); !open) return done(open.error());
  on_controller([this, request = std::move(request), done = std::move(done)]() mutable {
    if (controller_ == nullptr || !controller_->image())
      return done(Error{ErrorCode::kNotYet, "metadata is being loaded; retry", 100});
    ProducerPage page;
    // One more than asked for says whether there are more.
    for (auto& [name, last] :
         controller_->image()->producer_names.list(request.after, std::size_t{request.count_max} + 1)) {
      if (page.producers.size() == request.count_max) {
        page.more = true;
        break;
      }
      page.producers.push_back({std::move(name), {last.id, last.epoch, last.previous_id}});
    }
    done(std::move(page));
  });
}

void NodeBroker::delete_producer_name(DeleteProducerNameRequest request, Done<std::monostate> done) {
  if (auto open = check_intake(); !open) return done(open.error());
  on_controller([this, request = std::move(request), done = std::move(done)]() mutable {
    if (auto open = check_decides(); !open) return done(open.error());
    if (!controller_->image()) return done(Error{ErrorCode::kNotYet, "the node is starting; retry", 100});
    auto decide = [name =
                       request.name](const cluster::ClusterImage& image) -> Result<cluster::ClusterRecord> {
      FOREBAY_TRY(auto removed, cluster::decide_remove_producer_name(image, name));
      return cluster::ClusterRecord(std::move(removed));
    };
    if (request.validate_only) {
      if (auto record = decide(*controller_->image()); !record) return done(record.error());
      return done(std::monostate{});
    }
    controller_->submit(std::move(decide),
                        [this, done = std::move(done)](Result<cluster::ImagePtr> image) mutable {
                          if (!image) return done(with_controller(std::move(image).error()));
                          done(std::monostate{});
                        });
  });
}

}  // namespace forebay::broker
