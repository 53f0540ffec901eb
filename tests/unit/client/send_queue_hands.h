// A producer's queue in virtual time and the hands that do what it says, for its tests.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/endian.h"
#include "client/core/send_queue.h"
#include "model/record_iterator.h"

namespace forebay::client {

using std::chrono::milliseconds;

inline constexpr std::size_t kDecodedBytesMax = 16U << 20;

inline SendQueue::Limits default_limits() {
  return {.batch_bytes_max = 1024,
          .linger = milliseconds(0),
          .in_flight_per_lane_max = 3,
          .in_flight_bytes_max = 16 * 1024,
          .buffer_bytes_max = 64 * 1024,
          .delivery_timeout = milliseconds(120'000),
          .answer_timeout = milliseconds(35'000),
          .retry = {milliseconds(20), milliseconds(1'000)},
          .reconnect = {milliseconds(20), milliseconds(1'000)},
          .codec = model::Codec::kNone};
}

// The numbers of a batch's records: their values begin with them.
inline std::vector<std::uint64_t> ids_of(ByteSpan batch) {
  std::vector<std::uint64_t> ids;
  auto view = model::RecordBatchView::parse(batch);
  EXPECT_TRUE(view.has_value());
  std::vector<std::byte> scratch;
  auto visited = model::for_each_record(
      *view, kDecodedBytesMax, scratch,
      [&](const model::RecordView& record) { ids.push_back(load_le<std::uint64_t>(record.value->data())); });
  EXPECT_TRUE(visited.has_value());
  return ids;
}

// Does what the queue says at once, and keeps what was sent for the test to answer.
class Hands {
 public:
  explicit Hands(const SendQueue::Limits& limits, std::vector<std::string> servers = {"a:1"})
      : queue(limits, std::move(servers), 7) {}

  void append(std::int32_t partition, std::uint64_t id, std::size_t size = 100) {
    std::vector<std::byte> value(std::max<std::size_t>(size, 8));
    store_le(value.data(), id);
    Answer answer(id);
    auto added = queue.append(queue.lane("t", partition), {.value = ByteSpan(value)}, answer, now);
    ASSERT_TRUE(added.has_value()) << added.error().to_string();
  }
  void run() {
    while (auto work = queue.next_work(now)) {
      if (auto* encode = std::get_if<SendQueue::Encode>(&*work)) {
        queue.encoded(encode->batch, SharedBytes::take(*encode->builder->build(model::Codec::kNone)), now);
      } else if (auto* send = std::get_if<SendQueue::Send>(&*work)) {
        EXPECT_TRUE(streams.contains(send->node));
        sent.push_back(std::move(*send));
        if (write_at_once) queue.write_done(sent.back().node);
      } else if (const auto* connect = std::get_if<SendQueue::Connect>(&*work)) {
        EXPECT_TRUE(streams.emplace(connect->node, connect->address).second);
        ++connects;
      } else if (std::holds_alternative<SendQueue::BeginSession>(*work)) {
        ++session_questions;
        if (identity) queue.session_begun(*identity, now);
      } else {
        ++cancels;
      }
    }
    for (auto& batch : queue.take_finished()) {
      std::int64_t index = 0;
      for (const std::uint64_t id : batch.answers.tokens) {
        EXPECT_TRUE(results
                        .emplace(id, batch.result ? Result<std::int64_t>(batch.result->offset + index)
                                                  : Result<std::int64_t>(batch.result.error()))
                        .second)
            << "record " << id << " is answered twice";
        if (batch.result && batch.result->quarantined) quarantined.emplace(id, *batch.result->quarantined);
        ++index;
      }
      queue.delivered(batch.id);
    }
  }
  void lose_stream(Nodes::Id node = 0, bool connected = true) {
    streams.erase(node);
    std::erase_if(sent, [&](const SendQueue::Send& send) { return send.node == node; });
    queue.stream_closed(node, connected, Error{ErrorCode::kUnavailable, "lost"}, now);
  }
  void ack(const SendQueue::Send& send, std::int64_t offset, std::string_view leader = {}) {
    Ack first;
    first.offset = offset;
    queue.acked(send.correlation, first, leader, now);
    run();
  }
  void refuse(const SendQueue::Send& send, const Error& error) {
    queue.refused(send.correlation, error, now);
    run();
  }
  // The address that it was sent to.
  [[nodiscard]] std::string place_of(const SendQueue::Send& send) const { return streams.at(send.node); }
  void pass(milliseconds time) {
    now += time;
    queue.on_time(now);
    run();
  }
  [[nodiscard]] std::optional<ErrorCode> failure_of(std::uint64_t id) const {
    const auto found = results.find(id);
    if (found == results.end() || found->second.has_value()) return std::nullopt;
    return found->second.error().code;
  }

  TimePoint now{std::chrono::hours(1)};
  SendQueue queue;
  std::map<Nodes::Id, std::string> streams;  // that are open
  bool write_at_once = true;
  std::optional<ProducerIdentity> identity = ProducerIdentity{7, 0};  // absent: the question stays open
  int session_questions = 0;
  int connects = 0;
  int cancels = 0;
  std::vector<SendQueue::Send> sent;
  std::map<std::uint64_t, Result<std::int64_t>> results;
  std::map<std::uint64_t, std::string> quarantined;
};

inline Ack ack_at(std::int64_t offset) {
  Ack ack;
  ack.offset = offset;
  return ack;
}

}  // namespace forebay::client
