#include "broker/node_broker.h"

#include <algorithm>
#include <utility>

#include "broker/gather.h"
#include "telemetry/log.h"

namespace forebay::broker {
namespace {
constexpr std::uint32_t kStoppingRetryMs = 1000;
constexpr auto kProposalTimeout = std::chrono::seconds(30);
// For who cannot be told where to go: by then an election is over, or its news have come.
constexpr std::uint32_t kNoLeaderRetryMs = 100;
// Several times what a leader takes to send what a follower lacks of the metadata.
constexpr auto kMetadataLook = std::chrono::milliseconds(200);

std::string unclaimed_warning(const model::TopicPartition& id) {
  return "the data of partition " + std::to_string(id.partition.value()) + " of a topic with id " +
         id.topic.to_string() +
         " is here and the metadata knows no such topic: it is kept and not served (its folder may have a "
         "file NAME "
         "that says which topic it was)";
}

// Those bytes of a UUID of version 4 that hold nothing but chance.
std::uint64_t random_bits_of(const model::Uuid& id) {
  std::uint64_t bits = 0;
  for (const std::size_t at : {0, 1, 2, 3, 4, 5, 9, 10}) bits = bits << 8 | id.bytes[at];
  return bits;
}

}  // namespace

NodeBroker::NodeBroker(const NodeBrokerConfig& config, std::vector<ShardHandle> shards,
                       std::uint32_t controller_shard, runtime::WallClock& clock,
                       std::function<NodeDescription()> describe)
    : config_(config),
      shards_(std::move(shards)),
      controller_shard_(controller_shard),
      clock_(clock),
      describe_(std::move(describe)),
      produce_bytes_(config.produce_bytes_max),
      routing_(std::make_shared<const RoutingTable>()),
      alive_(std::make_shared<NodeBroker*>(this)) {
  Reconciler::Decisions decisions;
  decisions.deleted = [this](model::TopicId id) {
    propose_until_done(cluster::ConfirmDeletion{id, voter()});
  };
  decisions.confirm = [this](model::TopicId id, std::uint32_t partitions, Done<std::monostate> done) {
    propose(cluster::ConfirmPartitions{id, voter(), partitions}, std::move(done));
  };
  decisions.reached = [this](const model::TopicPartition& id, std::uint32_t epoch) {
    propose_until_done(cluster::ConfirmTarget{id.topic, voter(), id.partition, epoch});
  };
  decisions.gone = [this](const model::TopicPartition& id) {
    propose_until_done(cluster::ConfirmGone{id.topic, voter(), id.partition});
  };
  reconciler_ = std::make_unique<Reconciler>(voter(), shards_, home(), std::move(decisions));
  producer_ids_ = std::make_unique<ProducerIdAllocator>(
      home(),
      [this](std::optional<model::ProducerId> used_up, ProducerIdAllocator::Granted granted) {
        grant_producer_ids(used_up, std::move(granted));
      },
      [this] { return random_bits_of(controller_->new_id()); });
}

NodeBroker::~NodeBroker() { *alive_ = nullptr; }

void NodeBroker::propose(cluster::NodeProposal proposal, Done<std::monostate> done) {
  if (proposer_ != nullptr) {
    return proposer_->propose(std::move(proposal), kProposalTimeout,
                              [done = std::move(done)](Result<void> result) mutable {
                                if (!result) return done(std::move(result).error());
                                done(std::monostate{});
                              });
  }
  controller_->propose(std::move(proposal),
                       [done = std::move(done)](Result<cluster::ImagePtr> image) mutable {
                         if (!image) return done(std::move(image).error());
                         done(std::monostate{});
                       });
}

void NodeBroker::grant_producer_ids(std::optional<model::ProducerId> used_up,
                                    ProducerIdAllocator::Granted granted) {
  const cluster::GrantProducerIds request{config_.self.node, used_up, kProducerIdsPerBlock};
  if (proposer_ != nullptr)
    return proposer_->grant_producer_ids(request, kProposalTimeout, std::move(granted));
  controller_->grant_producer_ids(request, std::move(granted));
}

// What the cluster must hear, however long there is no controller.
void NodeBroker::propose_until_done(cluster::NodeProposal proposal) {
  propose(proposal, [this, proposal](const Result<std::monostate>& decided) {
    if (!decided && decided.error().code == ErrorCode::kTimedOut) propose_until_done(proposal);
  });
}

void NodeBroker::start(cluster::Controller& controller, UniqueFunction<void(Result<void>)> ready) {
  controller_ = &controller;
  controller.start([this, ready = std::move(ready)](Result<void> started) mutable {
    if (!started) return ready(std::move(started));
    register_self([ready = std::move(ready)](const Result<std::monostate>& registered) mutable {
      if (!registered && registered.error().code == ErrorCode::kFailedPrecondition)
        return ready(registered.error());
      // Without it nothing new is placed here; what is here is served.
      if (!registered)
        telemetry::log_warn("broker not registered", {{"error", registered.error().to_string()}});
      ready({});
    });
  });
}

// Another node decides, when one leads: the metadata of a node that joins comes only after it is registered,
// and what is here is served meanwhile.
void NodeBroker::start_among_others(cluster::Controller& controller,
                                    UniqueFunction<void(Result<void>)> ready) {
  controller_ = &controller;
  among_others_ = true;
  register_self([this](const Result<std::monostate>& registered) {
    if (registered) return;
    if (registered.error().code == ErrorCode::kFailedPrecondition) return on_refused(registered.error());
    registration_ = registered.error();
    telemetry::log_error("the cluster refuses this node", {{"error", registered.error().to_string()}});
  });
  look_for_controller();
  watch_metadata();
  controller.start(std::move(ready));
}

void NodeBroker::register_self(Done<std::monostate> done) {
  propose(cluster::RegisterBroker{config_.self},
          [this, done = std::move(done)](Result<std::monostate> registered) mutable {
            if (!registered && registered.error().code == ErrorCode::kTimedOut)
              return register_self(std::move(done));
            done(std::move(registered));
          });
}

void NodeBroker::register_addresses(std::string api, std::string peer, std::string http) {
  on_controller([this, api = std::move(api), peer = std::move(peer), http = std::move(http)]() mutable {
    config_.self.api_address = std::move(api);
    config_.self.peer_address = std::move(peer);
    config_.self.http_address = std::move(http);
    // Before its start it registers anyway.
    if (controller_ == nullptr) return;
    register_self([](const Result<std::monostate>& registered) {
      if (!registered)
        telemetry::log_warn("addresses not registered", {{"error", registered.error().to_string()}});
    });
  });
}

void NodeBroker::on_image(const cluster::ImagePtr& image) {
  std::vector<std::string> problems;
  auto table = make_routing(config_.self.node, *image, config_.topic_defaults,
                            static_cast<std::uint32_t>(shards_.size()), problems);
  for (const std::string& problem : problems)
    telemetry::log_error("topic configuration unusable", {{"problem", problem}});
  for (const auto& [name, route] : routing()->topics) {
    const auto now = table->topics.find(name);
    if (now == table->topics.end() || now->second.topic->id != route.topic->id)
      leaders_.forget(route.topic->id);
  }
  // An only voter has replayed its log when it publishes anything.
  table->current = !among_others_ || routing()->current;
  std::atomic_store(&routing_, RoutingPtr(table));
  watch_own_place(*image);
  // What was so before this node came, or in the life of the disk that it had before, is not for it to carry
  // out: the history is on its way, and the word that lets it in comes last.
  const cluster::Broker* self = image->broker(config_.self.node);
  const bool is_let_in = self == nullptr ? !among_others_ : self->registration.disk == config_.self.disk;
  if (!is_let_in) return;
  const bool whole = check_changeable().has_value();
  reconciler_->apply(image, table, whole ? Reconciler::Metadata::kWhole : Reconciler::Metadata::kPartial);
}

// A topic that was made while this node was away is on its way. How far the others are nobody tells a
// follower, so it has what it missed when a leader is known and nothing more comes.
void NodeBroker::watch_metadata() {
  metadata_timer_ = home().schedule_after(kMetadataLook, [this] {
    const cluster::ImagePtr image = controller_->image();
    const bool follows = image && controller_->leader() && controller_->is_caught_up();
    if (!follows || applied_at_look_ != image->applied) {
      applied_at_look_ = follows ? std::optional(image->applied) : std::nullopt;
      return watch_metadata();
    }
    metadata_timer_.reset();
    auto table = std::make_shared<RoutingTable>(*routing());
    table->current = true;
    std::atomic_store(&routing_, RoutingPtr(table));
  });
}

void NodeBroker::stop(UniqueFunction<void()> done) {
  reconciler_->stop();
  producer_ids_->stop();
  for (auto* timer : {&own_place_timer_, &controller_look_timer_, &metadata_timer_}) {
    if (*timer) home().cancel(*std::exchange(*timer, std::nullopt));
  }
  if (controller_ == nullptr) return done();
  controller_->stop(std::move(done));
}

Result<void> NodeBroker::check_intake() const {
  FOREBAY_CHECK(check_not_refused());
  if (!stopping_.load(std::memory_order_acquire)) return {};
  return Error{ErrorCode::kShuttingDown, "the node is stopping; retry when it is back", kStoppingRetryMs};
}

Result<void> NodeBroker::check_not_refused() const {
  if (refused_.load(std::memory_order_acquire)) {
    return Error{
        ErrorCode::kUnavailable,
        "the cluster refuses this node, and what it holds may not be what the cluster went on with; its "
        "log and its /readyz say why"};
  }
  return {};
}

Result<void> NodeBroker::check_changeable() const {
  if (controller_ == nullptr) return Error{ErrorCode::kNotYet, "the node is starting; retry", 100};
  return controller_->check_changeable();
}

Result<void> NodeBroker::check_member() const {
  if (!registration_) return registration_;
  const cluster::Broker* self = controller_->image()->broker(config_.self.node);
  if (self == nullptr || self->registration.disk != config_.self.disk)
    return Error{ErrorCode::kNotYet, "this node is not registered with the cluster yet"};
  if (!controller_->leader()) return Error{ErrorCode::kNotYet, "no controller can be reached"};
  if (!controller_->is_caught_up()) return Error{ErrorCode::kNotYet, "metadata is being caught up with"};
  return {};
}

// --- who leads -------------------------------------------------------------------------------------------

Result<void> NodeBroker::check_decides() {
  FOREBAY_CHECK(check_changeable());
  const auto* log = shards_[controller_shard_].partitions->find(cluster::cluster_partition());
  if (log == nullptr) return {};  // the controller says why
  if (auto serving = log->check_serving(); !serving) return with_controller(std::move(serving).error());
  return {};
}

std::string NodeBroker::leader_address(const model::TopicPartition& id) const {
  const auto leader = leaders_.of(id);
  if (!leader || leader->node == config_.self.node) return {};
  return routing()->address_of(leader->node);
}

std::string NodeBroker::led_elsewhere(const std::string& topic, model::PartitionIndex partition) const {
  const RoutingPtr table = routing();
  const TopicRoute* route = table->find_known(topic);
  return route == nullptr ? std::string() : leader_address(route->id_of(partition));
}

Error NodeBroker::with_leader(Error error, const ShardHandle& shard, const model::TopicPartition& id) {
  if (error.code != ErrorCode::kNotLeader) return error;
  if (const partition::Partition* partition = shard.partitions->find(id)) {
    // A follower hears of its leader before the news of all groups are here.
    if (const auto leader = partition->leader()) leaders_.leads(id, partition->term(), *leader);
  }
  error.leader = leader_address(id);
  if (error.leader.empty()) error.retry_after_ms = std::max(error.retry_after_ms, kNoLeaderRetryMs);
  return error;
}

Error NodeBroker::not_here(const ShardHandle& shard, const model::TopicPartition& id, bool hosted) const {
  const auto leader = leaders_.of(id);
  if (leader && leader->node != config_.self.node) {
    Error error{
        ErrorCode::kNotLeader,
        "node " + std::to_string(leader->node.value()) + " leads the partition; it is not on this node", 0,
        leader_address(id)};
    if (error.leader.empty()) error.retry_after_ms = kNoLeaderRetryMs;
    return error;
  }
  if (hosted) return shard.partitions->not_here(id);
  return {ErrorCode::kNotYet,
          "the partition has no replica on this node, which does not know yet who leads it; retry",
          kNoLeaderRetryMs};
}

void NodeBroker::name_leader(const model::TopicPartition& id, PartitionDescription& description) const {
  if (description.leader == config_.self.node) return;
  const auto known = leaders_.of(id);
  if (known && known->node != config_.self.node && (!description.leader || description.term < known->term)) {
    description.leader = known->node;
    description.term = known->term;
  }
  if (description.leader) description.leader_address = routing()->address_of(*description.leader);
}

Result<TopicHead> NodeBroker::topic_head(const std::string& topic) const {
  const RoutingPtr table = routing();
  FOREBAY_TRY(const TopicRoute* route, table->find(topic, "produced to"));
  return TopicHead{route->topic->id, static_cast<std::uint32_t>(route->shards.size()),
                   route->config.max_message_bytes};
}

void NodeBroker::describe_node(Done<NodeDescription> done) {
  on_controller([this, done = std::move(done)]() mutable {
    NodeDescription node = describe_();
    node.wall_time = clock_.now();
    const RoutingPtr table = routing();
    const bool loaded = controller_ != nullptr && controller_->image() != nullptr;
    for (const auto& [name, route] : table->topics) {
      if (route.internal) continue;
      ++node.topics;
      node.partitions += static_cast<std::uint32_t>(route.shards.size());
    }
    for (const UnreadyPartition& unready : reconciler_->unready()) {
      node.warnings.push_back("topic '" + unready.topic + "' partition " +
                              std::to_string(unready.partition.value()) + " is not ready: " + unready.reason);
    }
    if (const auto open = check_changeable(); !open) node.warnings.push_back(open.error().context);
    if (!registration_) node.warnings.push_back(registration_.error().context);
    if (!loaded) return done(std::move(node));  // nothing can be claimed yet
    // What the metadata claims was posted to the shards before this.
    using Ids = std::vector<model::TopicPartition>;
    auto gather = std::make_shared<Gather<Ids>>(
        shards_.size(),
        [node = std::move(node), done = std::move(done)](Result<std::vector<Ids>> unclaimed) mutable {
          for (const Ids& ids : *unclaimed) {
            for (const auto& id : ids) node.warnings.push_back(unclaimed_warning(id));
          }
          done(std::move(node));
        });
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      shards_[i].executor->post(
          [shard = shards_[i], gather, i] { gather->set(i, shard.partitions->unclaimed()); });
    }
  });
}

void NodeBroker::unready_partitions(Done<std::vector<UnreadyPartition>> done) {
  on_controller([this, done = std::move(done)]() mutable {
    if (controller_ == nullptr || !controller_->image()) {
      return done(std::vector<UnreadyPartition>{
          {cluster::kClusterTopicName, model::PartitionIndex(0), "metadata is being loaded"}});
    }
    // What is being opened is known here; what stopped later is known to its shard only.
    using NotServing = std::vector<partition::PartitionSet::NotServing>;
    auto gather = std::make_shared<Gather<NotServing>>(
        shards_.size(),
        [table = routing(), opening = reconciler_->unready(), changeable = check_changeable(),
         member = check_member(), done = std::move(done)](Result<std::vector<NotServing>> shards) mutable {
          std::map<std::pair<std::string, model::PartitionIndex>, std::string> reasons;
          if (!changeable)
            reasons[{cluster::kClusterTopicName, model::PartitionIndex(0)}] = changeable.error().to_string();
          if (!member)
            reasons[{cluster::kClusterTopicName, model::PartitionIndex(0)}] = member.error().context;
          for (auto& one : opening) reasons[{one.topic, one.partition}] = one.reason;
          for (const auto& [name, route] : table->topics) {
            for (const NotServing& shard : *shards) {
              for (const auto& one : shard) {
                if (one.id.topic == route.topic->id) reasons[{name, one.id.partition}] = one.reason;
              }
            }
          }
          std::vector<UnreadyPartition> unready;
          for (auto& [where, reason] : reasons) unready.push_back({where.first, where.second, reason});
          done(std::move(unready));
        });
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      shards_[i].executor->post(
          [shard = shards_[i], gather, i] { gather->set(i, shard.partitions->not_serving()); });
    }
  });
}

}  // namespace forebay::broker
