// The service Groups of a FakeBroker: the broker's own decisions (ModelCoordinator) behind real gRPC.
#pragma once

#include <grpcpp/server_context.h>

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "forebay/v1/groups.grpc.pb.h"
#include "model_coordinator.h"

namespace forebay::client {

class FakeGroups final : public v1::Groups::Service {
 public:
  void add_topic(const std::string& name, std::size_t partitions);
  // From now on nothing is answered; the connections stay.
  void be_silent();
  void speak_again();
  [[nodiscard]] std::optional<std::int64_t> committed(const std::string& group,
                                                      const TopicPartition& partition) const;
  [[nodiscard]] std::size_t member_count(const std::string& group) const;

 private:
  struct Stream {
    std::deque<v1::MemberUpdate> waiting;
    bool over = false;
  };
  grpc::Status Join(grpc::ServerContext* context,
                    grpc::ServerReaderWriter<v1::MemberUpdate, v1::MemberRequest>* call) override;
  void route();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  testing::ModelCoordinator coordinator_;
  std::map<std::uint64_t, Stream> streams_;
  std::uint64_t next_stream_ = 1;
  bool silent_ = false;
};

}  // namespace forebay::client
