#include "cli/session.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/result.h"

namespace forebay::cli {
namespace {

class SessionTest : public testing::Test {
 protected:
  ~SessionTest() override {
    ::close(output_);
    ::close(errors_);
  }
  // What `use` makes a session say on standard error.
  template <typename Use>
  std::string said(Use use, Globals globals = {}) {
    Session session(std::move(globals), output_, errors_);
    use(session);
    std::string text(4096, '\0');
    const ssize_t count = ::pread(errors_, text.data(), text.size(), 0);
    text.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return text;
  }

 private:
  int output_ = ::memfd_create("output", MFD_CLOEXEC);
  int errors_ = ::memfd_create("errors", MFD_CLOEXEC);
};

TEST_F(SessionTest, AdviceNamesTheTopicThatTheCommandIsAbout) {
  const std::string text = said([](Session& session) {
    session.about("orders");
    EXPECT_EQ(session.fail(Error{ErrorCode::kOffsetOutOfRange, "offset 11"}), ExitCode::kConflict);
    session.fail(Error{ErrorCode::kUnknownPartition, "5"});
    session.fail(Error{ErrorCode::kRecordTooLarge, "2 MiB"});
  });
  EXPECT_NE(text.find("\nsee: forebay offsets orders\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nsee: forebay topic describe orders\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nsee: forebay topic alter orders --config max.message.bytes="), std::string::npos)
      << text;
}

TEST_F(SessionTest, AdviceThatNeedsATopicIsLeftOutWhereThereIsNone) {
  EXPECT_EQ(said([](Session& session) {
              session.fail(Error{ErrorCode::kOffsetOutOfRange, "offset 11"});
            }).find("see:"),
            std::string::npos);
}

TEST_F(SessionTest, DoctorLooksAtTheServersOfTheCommand) {
  Globals globals;
  globals.servers = {"a:1", "b:2"};
  globals.servers_from = Globals::ServersFrom::kFlag;
  const std::string text = said(
      [](Session& session) {
        session.fail(Error{ErrorCode::kUnavailable, "nobody"});
      },
      globals);
  EXPECT_NE(text.find("\nsee: forebay doctor --server a:1,b:2\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace forebay::cli
