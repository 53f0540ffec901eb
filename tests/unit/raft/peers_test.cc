// Which peers are listened to about groups.
#include "raft/peers.h"

#include <gtest/gtest.h>

#include <vector>

#include "sim/sim_network.h"
#include "sim/sim_peer_transport.h"

namespace forebay::raft {
namespace {

const model::Uuid kDisk{{1, 1}};
const model::TopicPartition kGroup{model::Uuid{{9}}, model::PartitionIndex(0)};

std::unique_ptr<sim::SimPeerTransport> attached(sim::SimNetwork& network, sim::SimExecutor& executor,
                                                std::uint32_t node, const model::Uuid& disk) {
  auto transport = network.attach({model::NodeId(node), 0}, executor);
  transport->set_hello({.node = model::NodeId(node), .disk = disk, .incarnation = 1, .shard_count = 1});
  return transport;
}

// Everything that may be said about a group.
std::vector<PeerWords> words_about_a_group() {
  return {GroupMessage{kGroup, VoteRequest{}}, Append{kGroup, {}, {}},
          RepairRequest{.group = kGroup},      RepairFrames{.group = kGroup},
          LeaveRequest{.group = kGroup},       LeaveResponse{.group = kGroup},
          Compacted{.group = kGroup},          CompactedEverywhere{.group = kGroup}};
}

class PeersTest : public testing::Test {
 protected:
  PeersTest() {
    raft::Peers::Listener listener;
    listener.unknown_group = [this](model::NodeId, const model::TopicPartition&) { ++heard_; };
    peers_.set_listener(std::move(listener));
    here_->set_peers({{model::NodeId(2), {}}});
    there_->set_listener(&silent_);
    there_->set_peers({{model::NodeId(1), {}}});
    scheduler_.run_for(std::chrono::milliseconds(200));
    EXPECT_EQ(peers_.disk_of(model::NodeId(2)), kDisk);
  }
  std::size_t heard_of(const std::vector<PeerWords>& all) {
    heard_ = 0;
    for (const PeerWords& words : all) EXPECT_TRUE(there_->send({model::NodeId(1), 0}, encode(words)));
    scheduler_.run_for(std::chrono::milliseconds(200));
    return heard_;
  }
  class Silent final : public io::PeerTransportListener {
    void on_session(const io::PeerShard&, const io::PeerHello&) override {}
    void on_session_end(const io::PeerShard&, const Error&) override {}
    void on_unreachable(model::NodeId, const Error&) override {}
    void on_message(const io::PeerShard&, io::PeerMessage) override {}
    void on_room(const io::PeerShard&) override {}
  };

  sim::SimScheduler scheduler_{{.seed = 1}};
  sim::SimNetwork network_{scheduler_, {}};
  sim::SimExecutor executor_{scheduler_}, other_executor_{scheduler_};
  std::unique_ptr<sim::SimPeerTransport> here_ = attached(network_, executor_, 1, model::Uuid{{2}});
  std::unique_ptr<sim::SimPeerTransport> there_ = attached(network_, other_executor_, 2, kDisk);
  Silent silent_;
  Peers peers_{*here_, executor_, {.self = model::NodeId(1)}};
  std::size_t heard_ = 0;
};

TEST_F(PeersTest, NodeWithoutALinkIsAwaySinceItWasHeardLast) {
  EXPECT_FALSE(peers_.last_away(model::NodeId(2)));
  scheduler_.run_for(std::chrono::milliseconds(500));
  const auto heard = peers_.nodes().at(model::NodeId(2)).heard;
  there_.reset();
  // At each moment: at first its link may come back within the grace, later the groups are told.
  for (int step = 0; step < 100; ++step) {
    scheduler_.run_for(std::chrono::milliseconds(10));
    const auto now = peers_.nodes().at(model::NodeId(2));
    if (now.links == 0) {
      EXPECT_EQ(now.away_since, heard);
    }
    EXPECT_EQ(peers_.last_away(model::NodeId(2)), now.away_since);
  }
  EXPECT_TRUE(peers_.nodes().at(model::NodeId(2)).gone);
}

TEST_F(PeersTest, NothingThatARefusedDiskSaysOfAGroupIsHeard) {
  const auto all = words_about_a_group();
  EXPECT_EQ(heard_of(all), all.size());
  peers_.refuse_disks({kDisk});
  EXPECT_EQ(heard_of(all), 0U);
}

}  // namespace
}  // namespace forebay::raft
