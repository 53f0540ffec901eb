#include "daemon/cluster_entry.h"

#include <utility>

#include "broker/routing.h"
#include "telemetry/log.h"

namespace forebay::daemon {
namespace {

io::PeerAddress address_of(const config::Address& address) { return {address.host, address.port}; }

}  // namespace

ClusterEntry::ClusterEntry(Parts parts)
    : parts_(std::move(parts)),
      voters_(std::make_unique<cluster::VoterKeeper>(parts_.self, *parts_.partitions, *parts_.peers,
                                                     *parts_.executor)) {}

void ClusterEntry::start() {
  parts_.set_cluster(parts_.cluster);
  told_cluster_ = parts_.cluster;
  tell_peers(nullptr);
  look_again();
}

cluster::FormingInput ClusterEntry::input() const {
  cluster::FormingInput input;
  input.self = {parts_.self.node, parts_.self.disk, parts_.cluster, std::nullopt};
  const auto nodes = parts_.peers->nodes();
  for (const config::ClusterNode& one : parts_.listed) {
    const model::NodeId id(one.id);
    input.listed.push_back({id, one.peer_address.to_string()});
    std::optional<cluster::Hello> hello;
    if (const auto at = nodes.find(id); at != nodes.end() && at->second.links > 0) {
      const io::PeerHello& said = at->second.hello;
      hello = cluster::Hello{id, said.disk, said.cluster, std::nullopt};
      if (said.first_listed != model::NodeId()) hello->first_listed = said.first_listed;
    }
    input.heard.push_back(hello);
  }
  return input;
}

void ClusterEntry::look_again() {
  if (opening_) return;
  // Its own log says more than anybody else.
  if (parts_.partitions->has_members(cluster::cluster_partition())) return open(raft::Founding{}, false);
  const cluster::Forming step = cluster::next_step(input());
  if (const auto* wait = std::get_if<cluster::Wait>(&step)) return wait_for(wait->reason);
  if (const auto* refuse = std::get_if<cluster::Refuse>(&step)) return wait_for(refuse->error.to_string());
  if (const auto* join = std::get_if<cluster::Join>(&step)) {
    telemetry::log_info("joining a cluster", {{"cluster", join->cluster_id.to_string()}});
    parts_.set_cluster(join->cluster_id);
    told_cluster_ = join->cluster_id;
    return open(raft::Founding{}, true);
  }
  // Also where the store knows a cluster and its log is gone: a founder alone, whose controller sees the
  // loss.
  raft::Founding founding;
  if (std::holds_alternative<cluster::Initialise>(step) || parts_.listed.empty())
    founding.members.voters = {parts_.self};
  open(founding, false);
}

void ClusterEntry::wait_for(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  if (reason == waits_for_) return;
  waits_for_ = reason;
  telemetry::log_info("not in a cluster yet", {{"waits_for", reason}});
}

void ClusterEntry::open(const raft::Founding& founding, bool joins) {
  opening_ = true;
  wait_for("the metadata log is being opened");
  auto& set = *parts_.partitions;
  const auto id = cluster::cluster_partition();
  set.open(id, cluster::kClusterTopicName, broker::internal_partition_config(), founding,
           partition::Expected::kMayBeNew, [this, &set, id, joins](const Result<std::monostate>& ready) {
             if (!ready) return tell_opened(ready.error(), joins);
             tell_opened(set.find(id), joins);
           });
  // Where there are other replicas the controller follows them, whether or not one leads just now.
  set.when_open(id, [this, joins](Result<partition::Partition*> opened) {
    if (opened && !(*opened)->is_alone()) tell_opened(std::move(opened), joins);
  });
}

void ClusterEntry::tell_opened(Result<partition::Partition*> opened, bool joins) {
  if (std::exchange(told_opened_, true)) return;
  if (opened) {
    opened_ = *opened;
    const std::lock_guard lock(mutex_);
    waits_for_.clear();
  } else {
    wait_for(opened.error().to_string());
  }
  parts_.opened(std::move(opened), joins);
}

void ClusterEntry::on_image(const cluster::ClusterImage& image) {
  if (!image.cluster_id.is_nil() && image.cluster_id != told_cluster_) {
    told_cluster_ = image.cluster_id;
    parts_.set_cluster(image.cluster_id);
  }
  tell_peers(&image);
  if (image.retired.size() != told_retired_) {
    told_retired_ = image.retired.size();  // it only grows
    std::set<model::Uuid> disks;
    for (const auto& [disk, node] : image.retired) disks.insert(disk);
    parts_.refuse_disks(std::move(disks));
  }
  if (voters_) voters_->on_image(image);
}

void ClusterEntry::tell_peers(const cluster::ClusterImage* image) {
  std::map<model::NodeId, io::PeerAddress> peers;
  for (const config::ClusterNode& one : parts_.listed)
    peers[model::NodeId(one.id)] = address_of(one.peer_address);
  if (image != nullptr) {
    for (const auto& [node, broker] : image->brokers) {
      if (const auto address = config::parse_address(broker.registration.peer_address))
        peers[node] = address_of(*address);
    }
  }
  // Who was removed is still spoken with until the next start: it asks what has become of it.
  peers.insert(told_peers_.begin(), told_peers_.end());
  peers.erase(parts_.self.node);
  if (peers == told_peers_) return;
  told_peers_ = peers;
  parts_.set_peers(std::move(peers));
}

void ClusterEntry::on_leads(model::Term term, model::NodeId node) {
  if (term < leader_term_) return;
  leader_term_ = term;
  leader_ = node;
}

std::optional<model::NodeId> ClusterEntry::leader() const {
  if (opened_ != nullptr) {
    if (const auto leader = opened_->leader()) return leader;
  }
  return leader_;
}

std::string ClusterEntry::waits_for() const {
  const std::lock_guard lock(mutex_);
  return waits_for_;
}

}  // namespace forebay::daemon
