#include "cluster/voter_keeper.h"

#include <string>
#include <utility>

#include "cluster/controller.h"
#include "telemetry/log.h"

namespace forebay::cluster {
namespace {

// What it waits for takes minutes; a new broker is let in by the image at once.
constexpr auto kLook = std::chrono::seconds(1);

std::string names_of(const std::vector<log::Voter>& voters) {
  std::string text;
  for (const log::Voter& voter : voters)
    text += (text.empty() ? "" : ",") + std::to_string(voter.node.value());
  return text;
}

}  // namespace

VoterKeeper::VoterKeeper(const log::Voter& self, partition::PartitionSet& partitions, raft::Peers& peers,
                         runtime::Executor& executor)
    : self_(self), partitions_(partitions), peers_(peers), executor_(executor) {
  look_later();
}

VoterKeeper::~VoterKeeper() {
  if (timer_) executor_.cancel(*timer_);
}

void VoterKeeper::look_later() {
  timer_ = executor_.schedule_after(kLook, [this] {
    look_later();
    look();
  });
}

void VoterKeeper::on_image(const ClusterImage& image) {
  brokers_ = metadata_brokers(image);
  look();
}

void VoterKeeper::see(partition::Partition& log, MetadataBroker& broker) {
  const log::Voter& voter = broker.voter;
  if (voter == self_) {
    broker.in_step = true;
    return;
  }
  if (peers_.is_reachable(voter.node, cluster_partition()) && peers_.disk_of(voter.node) == voter.disk) {
    away_since_.erase(voter);
    const auto progress = log.group().progress(voter.node);
    broker.in_step = progress && progress->flushed >= log.group().commit();
    return;
  }
  const runtime::TimePoint now = executor_.now();
  const runtime::TimePoint since = away_since_.try_emplace(voter, now).first->second;
  broker.away = std::max<std::chrono::nanoseconds>(now - since, std::chrono::nanoseconds(1));
}

void VoterKeeper::look() {
  if (brokers_.empty()) return;
  partition::Partition* log = partitions_.find(cluster_partition());
  const bool leads = log != nullptr && log->is_ready();
  partition::WantedMembers wanted;
  if (!leads) {
    // What it would do as the leader is decided when it leads. Those who learn are no voters to be.
    away_since_.clear();
    told_ = {};
    for (const MetadataBroker& one : brokers_) wanted.learners.push_back(one.voter);
    if (brokers_.size() <= kMetadataVotersMax) wanted = {};
    return partitions_.set_wanted_members(cluster_partition(), std::move(wanted));
  }
  std::vector<MetadataBroker> seen = brokers_;
  for (MetadataBroker& one : seen) see(*log, one);
  const log::Membership& now = log->group().membership();
  // Whoever is on the way to vote counts as a voter: a change under way is not turned round.
  MetadataMembers members =
      choose_voters(seen, now.next_voters.empty() ? now.voters : now.next_voters, self_.node);
  wanted = {members.voters, members.learners};
  if (members != told_ && !members.learners.empty()) {
    telemetry::log_info("voters of the metadata", {{"voters", names_of(members.voters)},
                                                   {"learners", names_of(members.learners)},
                                                   {"now", names_of(now.voters)}});
  }
  told_ = std::move(members);
  partitions_.set_wanted_members(cluster_partition(), std::move(wanted));
}

}  // namespace forebay::cluster
