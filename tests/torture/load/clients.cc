#include "torture/load/clients.h"

#include "torture/record_value.h"

namespace forebay::torture {
namespace {

// Of one call. A client that waits for longer does not see what other nodes would give it.
constexpr Milliseconds kCallTimeout{1'000};
constexpr std::uint32_t kPollWaitMs = 200;
constexpr std::uint32_t kPollBytesMax = 256 << 10;
constexpr std::uint32_t kFinalBytesMax = 1 << 20;
constexpr Milliseconds kFinalCallTimeout{10'000};
constexpr Milliseconds kFinalRetryPause{100};

std::string records_text(const LoadWorld& world, const ClientPlace& place,
                         const v1::FetchResponse& response) {
  RunLength text;
  for (const v1::Record& record : response.records()) {
    const ParsedValue parsed = parse_record_value(
        {.run = world.run, .topic = place.topic, .partition = place.partition}, record.value());
    text.add(record.offset(), parsed.value, parsed.sound);
  }
  return text.take();
}

void fill(v1::ListOffsetsRequest& request, const ClientPlace& place, v1::OffsetPoint point) {
  request.Clear();
  request.set_topic(place.topic);
  request.add_partitions(static_cast<std::int32_t>(place.partition));
  request.set_point(point);
}

void fill(v1::FetchRequest& request, const ClientPlace& place, std::int64_t offset) {
  request.Clear();
  request.set_topic(place.topic);
  request.set_partition(static_cast<std::int32_t>(place.partition));
  request.set_offset(offset);
  request.set_shape(v1::SHAPE_PLAIN);
}

}  // namespace

void ProducingClient::begin() {
  const std::uint64_t first = next_value_;
  const std::uint64_t count = 1 + random_() % pace_.records_max;
  next_value_ += count;
  request_.Clear();
  ack_.Clear();
  request_.set_topic(place_.topic);
  request_.set_partition(static_cast<std::int32_t>(place_.partition));
  request_.set_acks(v1::ACKS_ALL);
  request_.set_timeout_ms(static_cast<std::uint32_t>(kCallTimeout.count()));
  for (std::uint64_t i = 0; i < count; ++i) {
    request_.mutable_records()->add_records()->set_value(
        make_record_value({.run = world_.run, .topic = place_.topic, .partition = place_.partition},
                          first + i, pace_.value_bytes));
  }
  values_ = " first=" + std::to_string(first) + " count=" + std::to_string(count);
  invoke("produce", values_);
  context_ = context(kCallTimeout);
  world_.cluster.at(target_.address())
      .async()
      ->Append(context_.get(), &request_, &ack_, [this](const grpc::Status& status) {
        if (!status.ok()) {
          failed("produce", status, values_);
        } else if (ack_.partitions_size() != 1) {
          // Acknowledged without saying what: of no use to anybody, and the checker has to hear of it.
          world_.history.line(head("ok", "produce") + values_ + " offset=-1");
        } else {
          const v1::PartitionAck& one = ack_.partitions(0);
          ok("produce", values_ + " offset=" + std::to_string(one.base_offset()) +
                            " term=" + std::to_string(one.term()) +
                            " replicas=" + std::to_string(one.durability().replicas_flushed()));
          target_.named(ack_.leader());
        }
        done();
      });
}

void PollingClient::begin() {
  fill(request_, place_, position_);
  request_.set_max_bytes(kPollBytesMax);
  request_.set_max_wait_ms(kPollWaitMs);
  response_.Clear();
  invoke("poll", " session=" + std::to_string(session_) + " position=" + std::to_string(position_));
  context_ = context(kCallTimeout);
  world_.cluster.at(target_.address())
      .async()
      ->Fetch(context_.get(), &request_, &response_, [this](const grpc::Status& status) {
        on_answer(status);
        done();
      });
}

void PollingClient::on_answer(const grpc::Status& status) {
  if (!status.ok()) return failed("poll", status);
  ok("poll", " next=" + std::to_string(response_.next_offset()) +
                 " hw=" + std::to_string(response_.high_watermark()) +
                 " start=" + std::to_string(response_.log_start()) +
                 " records=" + records_text(world_, place_, response_));
  position_ = response_.next_offset();
  target_.named(response_.leader());
}

void ListingClient::begin() {
  fill(request_, place_, v1::END);
  response_.Clear();
  invoke("list", "");
  context_ = context(kCallTimeout);
  world_.cluster.at(target_.address())
      .async()
      ->ListOffsets(context_.get(), &request_, &response_, [this](const grpc::Status& status) {
        on_answer(status);
        done();
      });
}

void ListingClient::on_answer(const grpc::Status& status) {
  if (!status.ok()) return failed("list", status);
  if (response_.offsets_size() != 1 || response_.offsets(0).has_error() ||
      !response_.offsets(0).has_offset()) {
    const bool told = response_.offsets_size() == 1 && response_.offsets(0).has_error();
    world_.history.line(head("fail", "list") + " error=" +
                        (told ? v1::ErrorReason_Name(response_.offsets(0).error().reason()) : "NONE"));
    if (told && !response_.offsets(0).error().leader().empty()) {
      target_.named(response_.offsets(0).error().leader());
    } else {
      target_.go_on();
    }
    return;
  }
  ok("list", " latest=" + std::to_string(response_.offsets(0).offset()));
  target_.named(response_.offsets(0).leader());
}

Result<void> read_all(LoadWorld& world, const ClientPlace& place,
                      std::chrono::steady_clock::time_point deadline) {
  Target target(world.cluster, place.partition);
  std::string last_error = "nothing was tried";
  // Calls until it works; `call` returns whether it did.
  const auto insist = [&](const auto& call) -> bool {
    while (std::chrono::steady_clock::now() < deadline) {
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() + kFinalCallTimeout);
      const grpc::Status status = call(context);
      if (status.ok()) return true;
      last_error = client::rpc_error_of(status, target.address()).error.to_string();
      target.go_on();
      std::this_thread::sleep_for(kFinalRetryPause);
    }
    return false;
  };
  const auto refuse = [&] {
    return Error{ErrorCode::kTimedOut, "the final read of " + place.topic + "/" +
                                           std::to_string(place.partition) +
                                           " did not come to its end: " + last_error};
  };

  v1::ListOffsetsRequest list;
  fill(list, place, v1::END);
  v1::ListOffsetsResponse listed;
  const auto ask = [&](grpc::ClientContext& context) {
    const grpc::Status status = world.cluster.at(target.address()).ListOffsets(&context, list, &listed);
    if (!status.ok()) return status;
    if (listed.offsets_size() == 1 && !listed.offsets(0).has_error() && listed.offsets(0).has_offset())
      return status;
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, listed.ShortDebugString());
  };
  if (!insist(ask)) return refuse();

  const std::int64_t start = listed.offsets(0).log_start();
  const std::int64_t end = listed.offsets(0).offset();
  RunLength text;
  for (std::int64_t next = start; next < end;) {
    v1::FetchRequest request;
    fill(request, place, next);
    request.set_max_bytes(kFinalBytesMax);
    v1::FetchResponse response;
    const bool read = insist([&](grpc::ClientContext& context) {
      response.Clear();
      return world.cluster.at(target.address()).Fetch(&context, request, &response);
    });
    if (!read) return refuse();
    for (const v1::Record& record : response.records()) {
      const ParsedValue parsed = parse_record_value(
          {.run = world.run, .topic = place.topic, .partition = place.partition}, record.value());
      text.add(record.offset(), parsed.value, parsed.sound);
    }
    if (response.next_offset() <= next && std::chrono::steady_clock::now() > deadline) {
      last_error = "nothing more at offset " + std::to_string(next);
      return refuse();
    }
    next = response.next_offset();
  }
  world.history.line("reader ok final " + place.topic + ' ' + std::to_string(place.partition) + " start=" +
                     std::to_string(start) + " end=" + std::to_string(end) + " records=" + text.take());
  return {};
}

}  // namespace forebay::torture
