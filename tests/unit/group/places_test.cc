#include "group/places.h"

#include <gtest/gtest.h>

#include "group/lag_question.h"

namespace forebay::group {
namespace {

PlaceQuestion question() {
  PlaceQuestion question{{}, PlaceQuestion::Kind::kTime, model::Timestamp(-5)};
  question.partition.topic.bytes[4] = 9;
  question.partition.partition = model::PartitionIndex(3);
  return question;
}

TEST(PlaceQuestions, AreLikeNothingElse) {
  const std::string bytes = encode_question(question());
  EXPECT_EQ(*decode_question(as_bytes(bytes)), question());
  EXPECT_TRUE(is_place_question(as_bytes(bytes)));
  EXPECT_FALSE(is_place_question({}));
  EXPECT_FALSE(is_place_question(as_bytes(std::string("\1")))) << "for a state";
  for (std::size_t i = 0; i < bytes.size(); ++i) EXPECT_FALSE(decode_question(as_bytes(bytes.substr(0, i))));
  EXPECT_FALSE(decode_question(as_bytes(bytes + "x")));
  for (const std::size_t at : {0U, 1U, 22U}) {  // mark, version, kind
    std::string bad = bytes;
    bad[at] = 77;
    EXPECT_FALSE(decode_question(as_bytes(bad))) << at;
  }
}

TEST(PlaceQuestions, AnswersAreOffsets) {
  const std::string bytes = encode_place(model::Offset(77));
  EXPECT_EQ(*decode_place(as_bytes(bytes)), model::Offset(77));
  EXPECT_FALSE(decode_place(as_bytes(encode_place(model::Offset(-1)))));
  for (std::size_t i = 0; i < bytes.size(); ++i) EXPECT_FALSE(decode_place(as_bytes(bytes.substr(0, i))));
}

TEST(LagQuestions, AreLikeNothingElse) {
  const LagQuestion asked{question().partition, {LagFrom::Kind::kTime, -7}};
  const std::string bytes = encode_question(asked);
  EXPECT_EQ(*decode_lag_question(as_bytes(bytes)), asked);
  EXPECT_TRUE(is_lag_question(as_bytes(bytes)));
  EXPECT_FALSE(is_lag_question({}));
  EXPECT_FALSE(is_lag_question(as_bytes(encode_question(question()))));
  EXPECT_FALSE(decode_question(as_bytes(bytes)));
  for (std::size_t i = 0; i < bytes.size(); ++i)
    EXPECT_FALSE(decode_lag_question(as_bytes(bytes.substr(0, i))));
  EXPECT_FALSE(decode_lag_question(as_bytes(bytes + "x")));
  for (const std::size_t at : {0U, 1U, 22U, 23U}) {  // mark, version, kind, where from
    std::string bad = bytes;
    bad[at] = 77;
    EXPECT_FALSE(decode_lag_question(as_bytes(bad))) << at;
  }
}

TEST(LagQuestions, AnswersAreReadAsTheyWereWritten) {
  PartitionLag lag{model::Offset(5), model::Offset(9), 4, 77, std::nullopt};
  EXPECT_EQ(*decode_lag(as_bytes(encode_lag(lag))), lag);
  lag.age = Milliseconds{12};
  const std::string bytes = encode_lag(lag);
  EXPECT_EQ(*decode_lag(as_bytes(bytes)), lag);
  for (std::size_t i = 0; i < bytes.size(); ++i) EXPECT_FALSE(decode_lag(as_bytes(bytes.substr(0, i))));
  lag.age = Milliseconds{-1};
  EXPECT_FALSE(decode_lag(as_bytes(encode_lag(lag))));
}

}  // namespace
}  // namespace forebay::group
