#include "machine/state_transfer.h"

#include <gtest/gtest.h>

#include "sim/sim_machine.h"

namespace forebay::machine {
namespace {

TEST(StateTransfer, SourceKeepsOneStateWhileItIsFetched) {
  sim::SimScheduler scheduler({.seed = 1});
  sim::SimMachine machine(scheduler, {});
  StateSource source(machine.executor());
  const Entries entries{{"a", std::string(2 * kStatePieceBytes, 'x')}, {"b", "1"}};
  const auto as_it_is = [&entries] { return entries; };
  const model::Term term(1);
  const model::Offset begun(40);
  model::Offset applied = begun;
  const std::string whole = encode_state(entries);
  EXPECT_EQ(source.answer({{}, applied.next(), 0}, term, applied, as_it_is).error().code, ErrorCode::kNotYet);
  std::string got;
  StateRequest next{{}, model::Offset(1), 0};
  while (got.size() < whole.size()) {
    const auto answer = source.answer(next, term, applied, as_it_is);
    ASSERT_TRUE(answer);
    const auto piece = decode_piece(as_bytes(*answer));
    ASSERT_TRUE(piece);
    EXPECT_LE(piece->bytes.size(), kStatePieceBytes);
    EXPECT_EQ(piece->size, whole.size());
    got += piece->bytes;
    next = {{}, piece->applied, got.size()};
    applied = applied.next();  // records go on
  }
  EXPECT_EQ(got, whole);
  EXPECT_EQ(next.applied, begun);
  // Somebody needs more than what is kept: the first has to begin anew.
  ASSERT_TRUE(source.answer({{}, applied, 0}, term, applied, as_it_is));
  EXPECT_EQ(source.answer(next, term, applied, as_it_is).error().code, ErrorCode::kNotYet);
  EXPECT_TRUE(source.keeps_any());
  scheduler.run_for(std::chrono::minutes(1));
  EXPECT_FALSE(source.keeps_any());
}

}  // namespace
}  // namespace forebay::machine
