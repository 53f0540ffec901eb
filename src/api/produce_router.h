// Where the batches of a stream's produce requests go: to this node's broker, or to the node that leads the
// partition. Keeps the order of each partition over both: of what goes elsewhere one is under way at a time,
// and none while this node has not answered one of before, or a retry of that would come behind it. A client
// that wants speed goes to the leader itself.
//
// It asks beforehand who leads, and keeps no copy of what the broker got: what the broker refuses
// with kNotLeader all the same is answered so.
// Thread rules: produce() and order_of() on the thread that reads the stream, one after the other; `done`
// runs once, on any thread.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "api/context.h"
#include "base/unique_function.h"

namespace forebay::api {

class ProduceRouter : public std::enable_shared_from_this<ProduceRouter> {
 public:
  struct Placed {
    broker::ProduceAck ack;
    std::string leader;  // who wrote it, when that is another node
  };
  using Done = UniqueFunction<void(Result<Placed>)>;
  enum class Forward : std::uint8_t { kNever, kLedElsewhere };

  ProduceRouter(ContextPtr context, Forward forward) : context_(std::move(context)), forward_(forward) {}

  void produce(broker::ProduceRequest request, Done done);
  // Of the requests to a partition that ask for order.
  [[nodiscard]] std::shared_ptr<broker::ProduceOrder> order_of(const std::string& topic,
                                                               std::int32_t partition);

 private:
  struct Waiting {
    broker::ProduceRequest request;
    Done done;
    std::chrono::steady_clock::time_point deadline;
  };
  // A partition. Under the mutex, but for the pointer.
  struct Lane {
    std::shared_ptr<broker::ProduceOrder> order;
    std::size_t here = 0;  // handed to the broker and not answered
    bool busy = false;     // one is at the leader, or the next one is being handed over
    std::deque<Waiting> waiting;
  };
  using LanePtr = std::shared_ptr<Lane>;

  [[nodiscard]] LanePtr lane_of(const std::string& topic, std::int32_t partition);
  void hand_over(const LanePtr& lane, broker::ProduceRequest request, Done done);
  void next(const LanePtr& lane);
  void send(const LanePtr& lane, Waiting one, const std::string& leader, std::chrono::milliseconds left);
  static void fail(const std::shared_ptr<broker::ProduceOrder>& order, std::uint32_t round);

  const ContextPtr context_;
  const Forward forward_;
  std::map<std::pair<std::string, std::int32_t>, LanePtr> lanes_;  // the reading thread's
  std::mutex mutex_;
};

}  // namespace forebay::api
