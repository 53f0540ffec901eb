// The golden state file, made once by make_state.py from the document: every build must read it, and write
// the same bytes.
#include <gtest/gtest.h>

#include <string>

#include "golden.h"
#include "log/core/state_snapshot.h"

namespace forebay::log {
namespace {

TEST(StateFormat, GoldenStateIsReadAndWritten) {
  const std::string name = "00000000000000001007-00000002.state";
  const std::vector<std::byte> file = test::golden_file("state/" + name);
  const auto state = decode_state(test::golden_partition(), SharedBytes::copy_of(file));
  ASSERT_TRUE(state) << state.error().to_string();
  EXPECT_EQ(state_file_name(state->position), name);
  EXPECT_EQ(state->term, model::Term(5));
  EXPECT_EQ(as_text(state->bytes.span()), "what somebody folded");
  EXPECT_EQ(encode_state(test::golden_partition(), *state), file);
}

}  // namespace
}  // namespace forebay::log
