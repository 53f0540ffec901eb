#include "group/places.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace forebay::group
