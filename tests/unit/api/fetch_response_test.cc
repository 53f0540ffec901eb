#include "api/fetch_response.h"

#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/slice.h>
#include <gtest/gtest.h>

#include <random>

#include "api_fixture.h"

namespace forebay::api {
namespace {

log::FramePtr frame_of(std::int64_t begin, std::int64_t end, std::uint64_t term, std::int64_t append_time,
                       std::string payload) {
  auto frame = std::make_shared<log::Frame>();
  frame->header.begin = {model::Offset(begin), 0};
  frame->header.end = {model::Offset(end), 0};
  frame->header.term = model::Term(term);
  frame->header.append_time = model::Timestamp(append_time);
  frame->payload = SharedBytes::take(std::move(payload));
  return frame;
}

broker::FetchResult result_of(std::vector<log::FramePtr> frames) {
  return {model::Offset(1), model::Offset(900), model::Offset(800), std::move(frames)};
}

AnswerBudget budget_of(std::size_t node, std::size_t connection) {
  return {std::make_shared<ByteBudget>(node), std::make_shared<ByteBudget>(connection)};
}

std::string joined(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(buffer.Dump(&slices).ok());
  std::string bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

v1::FetchResponse message_of(const broker::FetchResult& result) {
  v1::FetchResponse message;
  message.set_log_start(result.log_start.value());
  message.set_high_watermark(result.high_watermark.value());
  message.set_next_offset(result.next_offset.value());
  for (const log::FramePtr& frame : result.frames) {
    v1::FetchedBatch* batch = message.add_batches();
    batch->set_begin_offset(frame->header.begin.next_offset.value());
    batch->set_end_offset(frame->header.end.next_offset.value());
    batch->set_term(frame->header.term.value());
    batch->set_append_time_ms(frame->header.append_time.value());
    batch->set_batch(frame->payload.data(), frame->payload.size());
  }
  return message;
}

void expect_same_bytes(const broker::FetchResult& result) {
  const std::string expected = message_of(result).SerializeAsString();
  const auto encoded = encode_raw_response(result, budget_of(1 << 30, 1 << 30));
  ASSERT_TRUE(encoded.has_value());
  EXPECT_EQ(joined(*encoded), expected);
}

TEST(RawFetchResponse, EqualsWhatProtobufEncodes) {
  expect_same_bytes({});
  expect_same_bytes(result_of({}));
  expect_same_bytes(result_of({frame_of(0, 1, 0, 0, "")}));
  expect_same_bytes(result_of({frame_of(0, 1, 1, -1, "small")}));
  expect_same_bytes(result_of({frame_of(5, 9, 2, 1'700'000'000'000, std::string(1 << 20, 'x'))}));
  expect_same_bytes(result_of({frame_of(5, 9, 2, 3, std::string(5000, 'x')), frame_of(9, 10, 2, 3, "y"),
                               frame_of(10, 11, 2, 3, std::string(1024, 'z'))}));
}

TEST(RawFetchResponse, EqualsWhatProtobufEncodesForRandomFrames) {
  std::mt19937_64 random(7);
  const auto any = [&random] { return static_cast<std::int64_t>(random() >> (random() % 64)); };
  for (int round = 0; round < 300; ++round) {
    broker::FetchResult result{model::Offset(any()), model::Offset(any()), model::Offset(any()), {}};
    for (std::size_t frames = random() % 6; frames > 0; --frames) {
      const std::size_t size = random() % (random() % 2 == 0 ? 40 : 40'000);
      result.frames.push_back(frame_of(any(), any(), static_cast<std::uint64_t>(any()), any(),
                                       std::string(size, static_cast<char>(random()))));
    }
    expect_same_bytes(result);
  }
}

TEST(RawFetchResponse, LargeBatchesAreNotCopied) {
  const auto frame = frame_of(0, 1, 1, 1, std::string(100'000, 'x'));
  const auto encoded = encode_raw_response(result_of({frame}), budget_of(1 << 30, 1 << 30));
  std::vector<grpc::Slice> slices;
  ASSERT_TRUE(encoded->Dump(&slices).ok());
  ASSERT_EQ(slices.size(), 2U);
  EXPECT_EQ(static_cast<const void*>(slices[1].begin()), static_cast<const void*>(frame->payload.data()));
}

TEST(RawFetchResponse, FramesLiveAndBudgetIsTakenUntilTheLastSliceIsGone) {
  auto frame = frame_of(0, 1, 1, 1, std::string(100'000, 'x'));
  const std::weak_ptr<const log::Frame> watched = frame;
  const AnswerBudget budget = budget_of(1 << 20, 1 << 20);
  auto encoded = encode_raw_response(result_of({std::move(frame)}), budget);
  std::vector<grpc::Slice> slices;
  ASSERT_TRUE(encoded->Dump(&slices).ok());
  encoded.reset();
  EXPECT_FALSE(watched.expired());
  EXPECT_GE(budget.node->used(), 100'000U);
  EXPECT_GE(budget.connection->used(), 100'000U);
  slices.clear();
  EXPECT_TRUE(watched.expired());
  EXPECT_EQ(budget.node->used(), 0U);
  EXPECT_EQ(budget.connection->used(), 0U);
}

TEST(RawFetchResponse, IsRefusedWhenABudgetIsUsedUp) {
  const auto result = result_of({frame_of(0, 1, 1, 1, std::string(3000, 'x'))});
  const AnswerBudget budget = budget_of(10'000, 4000);
  const auto first = encode_raw_response(result, budget);
  EXPECT_TRUE(first.has_value());
  EXPECT_FALSE(encode_raw_response(result, budget).has_value());  // the connection's share
  EXPECT_EQ(budget.node->used(), budget.connection->used());
  const AnswerBudget other{budget.node, std::make_shared<ByteBudget>(100'000)};
  const auto second = encode_raw_response(result, other);
  const auto third = encode_raw_response(result, other);
  EXPECT_TRUE(third.has_value());
  EXPECT_FALSE(encode_raw_response(result, other).has_value());  // the node's
}

TEST(RawFetchResponse, FramesOfOneBufferCountItOnce) {
  const auto buffer = SharedBytes::take(std::string(8192, 'x'));
  std::vector<log::FramePtr> frames;
  for (std::size_t index = 0; index < 4; ++index) {
    auto frame = std::make_shared<log::Frame>();
    frame->payload = buffer.slice(index * 2048, 2048);
    frames.push_back(std::move(frame));
  }
  EXPECT_EQ(retained_bytes(result_of(std::move(frames))), buffer.retained_bytes());
}

// --- plain -----------------------------------------------------------------------------------------------

log::FramePtr stored(std::int64_t base, const std::vector<model::Record>& records,
                     model::Codec codec = model::Codec::kNone) {
  std::string batch = test::batch_of(records, codec);
  model::set_base_offset({reinterpret_cast<std::byte*>(batch.data()), batch.size()}, model::Offset(base));
  return frame_of(base, base + static_cast<std::int64_t>(records.size()), 4, 77, std::move(batch));
}

TEST(PlainFetchResponse, DecodesEveryCodec) {
  for (const model::Codec codec : model::kCodecs) {
    const auto frame = stored(10, {test::record_of("a", "k"), test::record_of("b")}, codec);
    const auto response = decode_plain_response(result_of({frame}), model::Offset(10), 1 << 20, 1 << 20);
    ASSERT_TRUE(response) << response.error().to_string();
    ASSERT_EQ(response->records_size(), 2);
    EXPECT_EQ(response->records(0).key(), "k");
    EXPECT_EQ(response->records(1).value(), "b");
    EXPECT_FALSE(response->records(1).has_key());
    EXPECT_EQ(response->records(1).offset(), 11);
    EXPECT_EQ(response->records(1).append_time_ms(), 77);
    EXPECT_EQ(response->records(1).term(), 4U);
    EXPECT_EQ(response->next_offset(), 800);
  }
}

TEST(PlainFetchResponse, LeavesOutRecordsBelowTheOffset) {
  const auto frame = stored(10, {test::record_of("a"), test::record_of("b"), test::record_of("c")});
  const auto response = decode_plain_response(result_of({frame}), model::Offset(12), 1 << 20, 1 << 20);
  ASSERT_EQ(response->records_size(), 1);
  EXPECT_EQ(response->records(0).value(), "c");
}

TEST(PlainFetchResponse, StopsAtTheBoundAndSaysWhereToGoOn) {
  const std::string large(600, 'x');
  const auto frame = stored(10, {test::record_of(large), test::record_of(large), test::record_of(large)},
                            model::Codec::kZstd);
  auto response = decode_plain_response(result_of({frame}), model::Offset(10), 1300, 1 << 20);
  ASSERT_EQ(response->records_size(), 2);
  EXPECT_EQ(response->next_offset(), 12);
  response = decode_plain_response(result_of({frame}), model::Offset(12), 1, 1 << 20);
  ASSERT_EQ(response->records_size(), 1);  // at least one
  EXPECT_EQ(response->next_offset(), 800);
}

TEST(PlainFetchResponse, DecompressionBombAndRotAreDataLoss) {
  const auto bomb = stored(0, {test::record_of(std::string(1 << 20, 'x'))}, model::Codec::kZstd);
  auto response = decode_plain_response(result_of({bomb}), model::Offset(0), 1 << 20, 1 << 16);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kDataLoss);
  const auto rot = frame_of(0, 1, 1, 1, std::string(100, 'x'));
  response = decode_plain_response(result_of({rot}), model::Offset(0), 1 << 20, 1 << 16);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kDataLoss);
}

TEST(PlainFetchResponse, HeaderNamesAreAlwaysValidUtf8) {
  model::Record record = test::record_of("v");
  record.headers = {{"ok \xc3\xa4", "1"}, {"bad \xff\xc3", {}}};
  const auto response =
      decode_plain_response(result_of({stored(0, {record})}), model::Offset(0), 1 << 20, 1 << 20);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->records(0).headers(0).name(), "ok \xc3\xa4");
  EXPECT_EQ(response->records(0).headers(1).name(), "bad \xef\xbf\xbd\xef\xbf\xbd");
  v1::FetchResponse parsed;
  EXPECT_TRUE(parsed.ParseFromString(response->SerializeAsString()));
}

}  // namespace
}  // namespace forebay::api
