// The hand-made wire form against protobuf's own.
#include "client/wire.h"

#include <gtest/gtest.h>

#include "forebay/v1/log.pb.h"

namespace forebay::client {
namespace {

// The message in pieces of `piece_size` bytes, each in memory of its own.
ScatteredBytes in_pieces(const std::string& message, std::size_t piece_size) {
  auto owner = std::make_shared<std::vector<std::string>>();
  for (std::size_t at = 0; at < message.size(); at += piece_size)
    owner->push_back(message.substr(at, piece_size));
  ScatteredBytes out;
  for (const std::string& piece : *owner) out.pieces.push_back(as_bytes(piece));
  out.pieces.insert(out.pieces.begin(), ByteSpan());  // gRPC may hand out empty slices
  out.owner = std::move(owner);
  return out;
}

v1::FetchResponse sample_response() {
  v1::FetchResponse response;
  response.set_log_start(5);
  response.set_high_watermark(1'000'000'000'000);
  response.set_next_offset(77);
  for (int i = 0; i < 3; ++i) {
    auto* batch = response.add_batches();
    batch->set_begin_offset(10 * i);
    batch->set_end_offset(10 * i + 9);
    batch->set_term(7);
    batch->set_append_time_ms(123'456'789);
    batch->set_batch(std::string(static_cast<std::size_t>(40 * i), static_cast<char>('a' + i)));
  }
  return response;
}

TEST(Wire, ProduceHeadIsWhatProtobufReads) {
  const std::string batch = "the batch's bytes";
  const std::string head = encode_produce_head({.correlation = 1'234'567,
                                                .topic = "orders",
                                                .partition = 300,
                                                .acks = Acks::kLeader,
                                                .timeout_ms = 30'000,
                                                .retry_round = 2,
                                                .destination_crc = 0xfedc'ba98,
                                                .batch_bytes = batch.size()});
  v1::ProduceRequest request;
  ASSERT_TRUE(request.ParseFromString(head + batch));
  EXPECT_EQ(request.correlation_id(), 1'234'567u);
  EXPECT_EQ(request.topic(), "orders");
  EXPECT_EQ(request.partition(), 300);
  EXPECT_EQ(request.acks(), v1::ACKS_LEADER);
  EXPECT_EQ(request.timeout_ms(), 30'000u);
  EXPECT_TRUE(request.has_retry_round());
  EXPECT_EQ(request.retry_round(), 2u);
  EXPECT_TRUE(request.has_destination_crc());
  EXPECT_EQ(request.destination_crc(), 0xfedc'ba98u);
  EXPECT_EQ(request.batch(), batch);
}

TEST(Wire, ProduceHeadSaysWhoSends) {
  v1::ProduceRequest request;
  ASSERT_TRUE(request.ParseFromString(
      encode_produce_head({.topic = "t", .client_id = "shop", .batch_bytes = 1}) + "b"));
  EXPECT_EQ(request.client_id(), "shop");
  EXPECT_EQ(request.batch(), "b");
}

TEST(Wire, ProduceHeadOfANamedProducerHasThePosition) {
  const auto request_of = [](const ProduceHead& head) {
    v1::ProduceRequest request;
    EXPECT_TRUE(request.ParseFromString(encode_produce_head(head) + "b"));
    EXPECT_EQ(request.batch(), "b");
    return request;
  };
  EXPECT_FALSE(request_of({.topic = "t", .batch_bytes = 1}).has_position());
  const auto named = request_of({.topic = "t", .source = "file", .position = 258, .batch_bytes = 1});
  EXPECT_EQ(named.position().source(), "file");
  EXPECT_EQ(named.position().position(), std::string("\0\0\0\0\0\0\1\2", 8));
}

TEST(Wire, ResponseIsParsedHoweverItIsCut) {
  const std::string message = sample_response().SerializeAsString();
  for (std::size_t piece = 1; piece <= message.size(); ++piece) {
    SCOPED_TRACE(piece);
    const auto parsed = parse_fetch_response(in_pieces(message, piece));
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed->log_start, 5);
    EXPECT_EQ(parsed->high_watermark, 1'000'000'000'000);
    EXPECT_EQ(parsed->next_offset, 77);
    EXPECT_EQ(parsed->size_bytes, message.size());
    ASSERT_EQ(parsed->batches.size(), 3u);
    EXPECT_EQ(parsed->batches[2].begin_offset, 20);
    EXPECT_EQ(parsed->batches[2].end_offset, 29);
    EXPECT_EQ(parsed->batches[2].term, 7u);
    EXPECT_EQ(parsed->batches[2].append_time_ms, 123'456'789);
    EXPECT_EQ(as_text(parsed->batches[1].bytes.span()), std::string(40, 'b'));
    EXPECT_EQ(as_text(parsed->batches[2].bytes.span()), std::string(80, 'c'));
  }
}

TEST(Wire, BatchInOnePieceIsNotCopied) {
  const std::string message = sample_response().SerializeAsString();
  const ScatteredBytes whole = in_pieces(message, message.size());
  const auto parsed = parse_fetch_response(whole);
  const std::byte* begin = whole.pieces[1].data();
  EXPECT_GE(parsed->batches[2].bytes.data(), begin);
  EXPECT_LT(parsed->batches[2].bytes.data(), begin + whole.pieces[1].size());
}

TEST(Wire, BytesOutliveTheMessage) {
  auto whole = std::make_unique<ScatteredBytes>(in_pieces(sample_response().SerializeAsString(), 1'000));
  const auto parsed = parse_fetch_response(*whole);
  whole.reset();
  EXPECT_EQ(as_text(parsed->batches[2].bytes.span()), std::string(80, 'c'));
}

TEST(Wire, ErrorInAResponseIsTyped) {
  v1::FetchResponse response;
  response.mutable_error()->set_reason(v1::OFFSET_OUT_OF_RANGE);
  response.mutable_error()->set_log_start(3);
  const auto parsed = parse_fetch_response(in_pieces(response.SerializeAsString(), 3));
  ASSERT_TRUE(parsed->error.has_value());
  EXPECT_EQ(parsed->error->error.code, ErrorCode::kOffsetOutOfRange);
  EXPECT_EQ(parsed->error->log_start, 3);
  EXPECT_EQ(parsed->error->log_end, std::nullopt);
}

TEST(Wire, UnknownFieldsAreSkipped) {
  auto response = sample_response();
  response.add_records()->set_value("plain");
  std::string message = response.SerializeAsString();
  message += std::string("\xf8\x07\x05", 3);                    // field 127, varint
  message += std::string("\xf9\x07", 2) + std::string(8, '1');  // fixed64
  message += std::string("\xfd\x07", 2) + std::string(4, '1');  // fixed32
  message += std::string("\xfa\x07\x03", 3) + "abc";
  EXPECT_TRUE(parse_fetch_response(in_pieces(message, 7)).has_value());
}

TEST(Wire, CutOrDamagedResponseIsRefusedOrReadButNeverReadPastItsEnd) {
  const std::string message = sample_response().SerializeAsString();
  for (std::size_t size = 0; size < message.size(); ++size) {
    const auto parsed = parse_fetch_response(in_pieces(message.substr(0, size), 5));
    if (parsed.has_value()) {
      EXPECT_LE(parsed->batches.size(), 3u);
    }
  }
  for (std::size_t at = 0; at < message.size(); ++at) {
    for (const int bit : {0, 3, 7}) {
      std::string damaged = message;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      const auto parsed = parse_fetch_response(in_pieces(damaged, 5));
      v1::FetchResponse reference;
      if (parsed.has_value() && reference.ParseFromString(damaged)) {
        EXPECT_EQ(parsed->batches.size(), static_cast<std::size_t>(reference.batches_size()));
      }
    }
  }
}

}  // namespace
}  // namespace forebay::client
