// What is asked and answered about the state of an install; and other versions, which do not know it.
#include "raft/install_state.h"

#include <gtest/gtest.h>

#include "raft/peer_codec.h"
#include "sim/sim_network.h"
#include "sim/sim_peer_transport.h"

namespace forebay::raft {
namespace {

const model::TopicPartition kGroup{model::Uuid{{9}}, model::PartitionIndex(4)};
constexpr model::LogPosition kPosition{model::Offset(1'000), 2};

log::StateSnapshot state_of(std::size_t bytes) {
  return {kPosition, model::Term(5), SharedBytes::take(std::string(bytes, 's'))};
}

TEST(InstallState, WordsAreReadBackAsSaid) {
  const InstallStateRequest request{kGroup, kPosition, 77};
  const std::string asked = encode_request(request);
  EXPECT_TRUE(is_install_state_request(as_bytes(asked)));
  EXPECT_EQ(decode_install_state_request(as_bytes(asked)).value(), request);
  const InstallStatePiece piece{true, kPosition, model::Term(5), 10, "abc"};
  const std::string answered = encode_piece(piece);
  EXPECT_EQ(decode_install_state_piece(as_bytes(answered)).value(), piece);
  for (std::size_t length = 0; length < asked.size(); ++length)
    EXPECT_FALSE(decode_install_state_request(as_bytes(asked.substr(0, length)))) << length;
  for (std::size_t length = 0; length < answered.size() - piece.bytes.size(); ++length)
    EXPECT_FALSE(decode_install_state_piece(as_bytes(answered.substr(0, length)))) << length;
  EXPECT_FALSE(decode_install_state_piece(as_bytes(answered + std::string(10, 'x'))))
      << "more than all of it";
  EXPECT_FALSE(is_install_state_request(as_bytes(std::string("\0\1", 2)))) << "of __cluster";
  EXPECT_FALSE(is_install_state_request({}));
}

TEST(InstallState, SourceKeepsAStateWhileItIsFetched) {
  sim::SimScheduler scheduler{{.seed = 1}};
  sim::SimExecutor executor(scheduler);
  int taken = 0;
  InstallStateSource source(executor, [&] {
    ++taken;
    return Result<std::optional<log::StateSnapshot>>(state_of(kInstallStatePieceBytes + 1));
  });
  const auto answer = [&](model::LogPosition position, std::uint64_t from) -> Result<InstallStatePiece> {
    FOREBAY_TRY(const std::string piece, source.answer({kGroup, position, from}));
    return decode_install_state_piece(as_bytes(piece));
  };
  EXPECT_EQ(answer({model::Offset(7), 0}, 0)->bytes.size(), kInstallStatePieceBytes);
  EXPECT_EQ(answer(kPosition, kInstallStatePieceBytes)->bytes.size(), 1U);
  EXPECT_EQ(answer(kPosition, 0)->position, kPosition) << "for another one that asks";
  EXPECT_EQ(taken, 1);
  EXPECT_EQ(answer(kPosition.after_control(), 0).error().code, ErrorCode::kNotYet) << "it is not that far";
  EXPECT_EQ(answer(kPosition.after_control(), 5).error().code, ErrorCode::kNotYet) << "another one";
  EXPECT_EQ(answer(kPosition, kInstallStatePieceBytes + 2).error().code, ErrorCode::kInvalidArgument);
  scheduler.run_for(std::chrono::minutes(1));
  EXPECT_EQ(answer(kPosition, 5).error().code, ErrorCode::kNotYet) << "nobody asked for long";
}

// The other node as one that answers requests in its own way.
class InstallStateFetchTest : public ::testing::Test, private io::PeerTransportListener {
 protected:
  InstallStateFetchTest() {
    there_->set_listener(this);
    there_->set_peers({{model::NodeId(1), {}}});
    here_->set_peers({{model::NodeId(2), {}}});
    scheduler_.run_for(std::chrono::milliseconds(200));
  }
  ~InstallStateFetchTest() override { there_->set_listener(nullptr); }

  std::optional<Result<std::optional<log::StateSnapshot>>> fetch() {
    std::optional<Result<std::optional<log::StateSnapshot>>> got;
    InstallStateFetch fetch(peers_, model::NodeId(2), kGroup, {model::Offset(7), 0},
                            [&](auto result) { got = std::move(result); });
    fetch.start();
    scheduler_.run_for(std::chrono::seconds(10));
    return got;
  }
  void expect_error(ErrorCode code) {
    const auto got = fetch();
    ASSERT_TRUE(got && !*got);
    EXPECT_EQ(got->error().code, code);
  }
  void expect_none() {
    const auto got = fetch();
    ASSERT_TRUE(got && *got);
    EXPECT_FALSE(**got);
  }

  std::function<std::optional<Result<std::string>>(const InstallStateRequest&)> answer_;

 private:
  static std::unique_ptr<sim::SimPeerTransport> attached(sim::SimNetwork& network, sim::SimExecutor& executor,
                                                         std::uint32_t node) {
    auto transport = network.attach({model::NodeId(node), 0}, executor);
    transport->set_hello({.node = model::NodeId(node), .incarnation = 1, .shard_count = 1});
    return transport;
  }
  void on_session(const io::PeerShard&, const io::PeerHello&) override {}
  void on_session_end(const io::PeerShard&, const Error&) override {}
  void on_unreachable(model::NodeId, const Error&) override {}
  void on_room(const io::PeerShard&) override {}
  void on_message(const io::PeerShard& from, io::PeerMessage message) override {
    const auto words = decode(message);
    ASSERT_TRUE(words);
    if (const auto* beat = std::get_if<Heartbeat>(&*words)) {
      EXPECT_TRUE(there_->send(from, encode(PeerWords(Heartbeat{beat->sequence, beat->sequence, {}}))));
    }
    const auto* request = std::get_if<Request>(&*words);
    if (request == nullptr) return;
    const auto asked = decode_install_state_request(as_bytes(request->body));
    ASSERT_TRUE(asked);
    if (auto answer = answer_(*asked)) {
      EXPECT_TRUE(there_->send(from, encode(PeerWords(Response{request->id, *std::move(answer)}))));
    }
  }

  sim::SimScheduler scheduler_{{.seed = 1}};
  sim::SimNetwork network_{scheduler_, {}};
  sim::SimExecutor executor_{scheduler_}, other_executor_{scheduler_};
  std::unique_ptr<sim::SimPeerTransport> here_ = attached(network_, executor_, 1);
  std::unique_ptr<sim::SimPeerTransport> there_ = attached(network_, other_executor_, 2);
  Peers peers_{*here_, executor_, {.self = model::NodeId(1)}};
};

TEST_F(InstallStateFetchTest, PiecesOfOneStateAreJoined) {
  answer_ = [](const InstallStateRequest& asked) {
    const std::string whole = "0123456789";
    return encode_piece({true, kPosition, model::Term(5), whole.size(), whole.substr(asked.from, 4)});
  };
  const auto got = fetch();
  ASSERT_TRUE(got && *got && **got);
  EXPECT_EQ((**got)->position, kPosition);
  EXPECT_EQ((**got)->term, model::Term(5));
  EXPECT_EQ(as_text((**got)->bytes.span()), "0123456789");
}

TEST_F(InstallStateFetchTest, PiecesOfAnotherStateAreNot) {
  answer_ = [](const InstallStateRequest& asked) {
    return encode_piece(
        {true, asked.from == 0 ? kPosition : kPosition.after_control(), model::Term(5), 10, "0123"});
  };
  expect_error(ErrorCode::kNotYet);
  answer_ = [](const InstallStateRequest&) {
    return encode_piece({true, {model::Offset(6), 0}, model::Term(5), 4, "0123"});
  };
  expect_error(ErrorCode::kNotYet);
  answer_ = [](const InstallStateRequest& asked) {
    return encode_piece({true, kPosition, model::Term(5), 10, asked.from == 0 ? "0123" : ""});
  };
  expect_error(ErrorCode::kNotYet);
}

TEST_F(InstallStateFetchTest, NodeThatDoesNotKnowSuchRequestsHasNone) {
  answer_ = [](const InstallStateRequest&) { return Error{ErrorCode::kInvalidArgument, "no proposal"}; };
  expect_none();
  answer_ = [](const InstallStateRequest&) { return Error{ErrorCode::kUnavailable, "starting"}; };
  expect_none();
  answer_ = [](const InstallStateRequest&) { return encode_piece({}); };
  expect_none();
}

TEST_F(InstallStateFetchTest, WhoDoesNotAnswerIsAskedAgain) {
  answer_ = [](const InstallStateRequest&) { return std::nullopt; };
  expect_error(ErrorCode::kOutcomeUnknown);
  answer_ = [](const InstallStateRequest&) { return Error{ErrorCode::kNotLeader, "no longer"}; };
  expect_error(ErrorCode::kNotLeader);
}

}  // namespace
}  // namespace forebay::raft
