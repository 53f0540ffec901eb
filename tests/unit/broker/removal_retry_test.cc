// What cannot be moved away because the disk refuses is tried again while the node runs.
#include <gtest/gtest.h>

#include <algorithm>

#include "broker_harness.h"
#include "cluster/core/moves.h"
#include "log/segment_io.h"

namespace forebay::broker {
namespace {

using namespace std::chrono_literals;
using model::NodeId;
using partition::ShardHarness;

class RemovalRetryTest : public testing::Test {
 protected:
  void refuse_renames(std::uint64_t times) {
    node_.shard_.machine_.disk().inject(
        {.op = sim::DiskOp::kRename, .path = sim::path_contains("/topics/"), .times = times});
  }
  // Returns: the partition's folder, with something in it.
  [[nodiscard]] std::string filled_folder(const model::TopicPartition& id) {
    const std::string folder = log::partition_directory(partition::kDataDir, id);
    auto& fs = node_.shard_.machine_.file_system();
    EXPECT_TRUE(fs.create_directories(folder));
    EXPECT_TRUE(io::write_file_atomically(fs, folder + "/segment", as_bytes("x")));
    return folder + "/";
  }
  [[nodiscard]] bool has_files_under(const std::string& part) {
    const auto files = node_.shard_.machine_.disk().files();
    return std::any_of(files.begin(), files.end(),
                       [&part](const std::string& file) { return file.find(part) != std::string::npos; });
  }
  [[nodiscard]] const cluster::ClusterImage& image() const { return *node_.controller_->image(); }
  void run_for(runtime::Duration time) { node_.shard_.machine_.scheduler().run_for(time); }

  BrokerHarness node_;
};

TEST_F(RemovalRetryTest, DeletedTopicIsMovedAwayWhenTheDiskTakesItAgain) {
  ASSERT_TRUE(node_.start());
  const auto created = node_.create("orders", 2);
  ASSERT_TRUE(created);
  const std::string folder = filled_folder({created->id, model::PartitionIndex(1)});
  refuse_renames(3);
  const auto deleted =
      node_.call<std::monostate>([&](auto done) { node_.broker_->delete_topic("orders", std::move(done)); });
  EXPECT_FALSE(deleted);
  EXPECT_TRUE(image().deleting.contains(created->id));
  EXPECT_TRUE(has_files_under(folder));
  run_for(1500ms);  // tried again, and refused again
  EXPECT_TRUE(image().deleting.contains(created->id));
  run_for(10s);
  EXPECT_TRUE(image().deleting.empty());
  EXPECT_FALSE(has_files_under(folder));
}

TEST_F(RemovalRetryTest, ReplicaThatLeftIsReportedGoneOnlyWhenNothingIsLeft) {
  const auto topic = node_.start_beside_another("orders");
  ASSERT_TRUE(topic) << topic.error().to_string();
  const auto& placements = image().by_id.at(*topic)->partitions;
  const auto here = std::find_if(placements.begin(), placements.end(),
                                 [](const auto& one) { return one.is_member(NodeId(1)); });
  ASSERT_NE(here, placements.end());
  const model::TopicPartition id{*topic,
                                 model::PartitionIndex(static_cast<std::int32_t>(here - placements.begin()))};
  const std::string folder = filled_folder(id);
  refuse_renames(3);
  auto [removed, done] = ShardHarness::slot<std::monostate>();
  node_.shard_.set_->remove(id, std::move(done));  // as after the word of its group
  ASSERT_FALSE(*node_.shard_.wait(removed));
  ASSERT_TRUE(has_files_under(folder));

  std::optional<Result<cluster::ImagePtr>> moved;
  node_.controller_->submit(
      [&id](const cluster::ClusterImage& now) -> Result<cluster::ClusterRecord> {
        FOREBAY_TRY(auto decision, cluster::decide_move(now, {"orders", id.partition, {}}, {NodeId(2)}, {}));
        return cluster::ClusterRecord(std::move(*decision.record));
      },
      [&moved](Result<cluster::ImagePtr> result) { moved = std::move(result); });
  node_.run_until([&] { return moved.has_value(); });
  ASSERT_TRUE(*moved) << moved->error().to_string();
  const auto leaving = [&] { return image().by_id.at(*topic)->placement(id.partition)->leaving; };
  run_for(500ms);
  EXPECT_EQ(leaving(), std::vector{NodeId(1)});
  run_for(10s);
  EXPECT_TRUE(leaving().empty());
  EXPECT_FALSE(has_files_under(folder));
}

}  // namespace
}  // namespace forebay::broker
