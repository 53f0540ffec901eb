// State files of partitions, as the offline verbs see them.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "cli/log_files.h"
#include "cli/log_lines.h"
#include "log/core/control.h"

namespace forebay::cli {
namespace {

constexpr const char* kGolden = "tests/format/state/00000000000000001007-00000002.state";

std::vector<std::string> dumped(const std::string& path) {
  std::vector<std::string> lines;
  EXPECT_TRUE(dump_log(path, DumpRecords::kNo, [&](const Value& line) {
    line.append_json(lines.emplace_back(), -1);
    return true;
  }));
  return lines;
}

LogVerification verified(const std::string& path) {
  LogVerification result;
  EXPECT_TRUE(verify_log(path, result, [](std::uint64_t) {}));
  return result;
}

struct LogStateFiles : ::testing::Test {
  LogStateFiles() { std::filesystem::create_directories(folder); }
  ~LogStateFiles() override { std::filesystem::remove_all(folder); }
  // The golden state, with one byte changed, under another name.
  std::string copy_of_golden(const std::string& name, std::optional<std::size_t> flipped = {}) {
    std::ifstream from(kGolden, std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(from), std::istreambuf_iterator<char>()};
    if (flipped) bytes.at(*flipped) = static_cast<char>(bytes.at(*flipped) ^ 1);
    std::ofstream(folder + "/" + name, std::ios::binary) << bytes;
    return folder + "/" + name;
  }
  const std::string folder = ::testing::TempDir() + "forebay-log-state-files";
};

TEST_F(LogStateFiles, DumpSaysOfWhatItIs) {
  const auto lines = dumped(kGolden);
  ASSERT_EQ(lines.size(), 1U);
  for (const char* part :
       {R"("kind":"state")", R"("topic":"00010203-0405-0607-0809-0a0b0c0d0e0f")", R"("partition":3)",
        R"("position_in_log":"1007/2")", R"("term":5)", R"("bytes":20)"})
    EXPECT_NE(lines[0].find(part), std::string::npos) << part << " in " << lines[0];
}

TEST_F(LogStateFiles, WholeOneIsVerified) {
  const LogVerification result = verified(kGolden);
  EXPECT_TRUE(result.problems.empty());
  EXPECT_EQ(result.files, 1U);
  EXPECT_EQ(result.bytes, 84U);
}

TEST_F(LogStateFiles, DamagedOneIsAWarningForItIsMadeAgain) {
  for (const std::string& path : {copy_of_golden("00000000000000001007-00000002.state", 70),
                                  copy_of_golden("00000000000000001008-00000002.state")}) {
    const LogVerification result = verified(path);
    ASSERT_EQ(result.problems.size(), 1U);
    EXPECT_EQ(result.problems[0].severity, LogProblem::Severity::kWarning);
    EXPECT_TRUE(result.ok());
    EXPECT_FALSE(dump_log(path, DumpRecords::kNo, [](const Value&) { return true; }));
  }
}

TEST(LogLines, ControlFramesOfProducers) {
  log::FrameHeader header;
  header.kind = log::FrameKind::kControl;
  const auto line_of = [&](const log::Control& control) {
    std::string line;
    frame_line("file", 0, header, log::encode_control(control)).append_json(line, -1);
    return line;
  };
  EXPECT_NE(line_of(log::ProducerFence{model::ProducerId(7), model::ProducerEpoch(3)})
                .find(R"({"type":"producer fence","producer_id":7,"producer_epoch":3})"),
            std::string::npos);
  EXPECT_NE(line_of(log::ProducerPosition{model::ProducerId(7), model::ProducerEpoch(3), 41, "f", "12"})
                .find(R"({"type":"producer position","producer_id":7,"producer_epoch":3,"last_sequence":41,)"
                      R"("source":"f","position":"12"})"),
            std::string::npos);
  EXPECT_NE(line_of(log::ProducersForgotten{model::Timestamp(1'000), model::Timestamp(86'400'002)})
                .find(R"({"type":"producers forgotten","silent_before":"1970-01-01T00:00:01.000Z",)"
                      R"("quiet_before":"1970-01-02T00:00:00.002Z"})"),
            std::string::npos);
}

}  // namespace
}  // namespace forebay::cli
