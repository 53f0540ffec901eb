// From the words of a command line to what a broker in the same process is asked, what is printed, and the
// exit code.
#pragma once

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/server.h"
#include "cli/parser.h"
#include "cli/verbs/verbs.h"
#include "memory_broker.h"

namespace forebay::cli {

class FixedClock final : public runtime::WallClock {
 public:
  [[nodiscard]] model::Timestamp now() const override { return model::Timestamp(1'600'000'000'000); }
};

struct Ran {
  ExitCode code = ExitCode::kFailure;
  std::string out, errors;
  [[nodiscard]] nlohmann::json parsed() const { return nlohmann::json::parse(out, nullptr, false); }
};

inline std::string content_of(int file) {
  std::string text(1U << 16, '\0');
  const ssize_t count = ::pread(file, text.data(), text.size(), 0);
  text.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
  return text;
}

class VerbsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {  // there is nobody to ask
    const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ASSERT_GE(::dup2(nothing, STDIN_FILENO), 0);
    ::close(nothing);
  }
  [[nodiscard]] virtual broker::Broker& broker() { return broker_; }
  [[nodiscard]] virtual std::string address() const { return "127.0.0.1:" + std::to_string(server_->port()); }
  void SetUp() override {
    api::ApiOptions options;
    options.listen = "127.0.0.1:0";
    auto started = api::ApiServer::start(options, broker(), clock_);
    ASSERT_TRUE(started) << started.error().to_string();
    server_ = std::move(*started);
  }
  void TearDown() override { server_->shutdown(std::chrono::seconds(10)); }

  Ran run(std::vector<std::string> words) {
    words.insert(words.end(), {"--server", address()});
    const std::vector<Command> commands = all_commands();
    const int out = ::memfd_create("output", MFD_CLOEXEC);
    const int errors = ::memfd_create("errors", MFD_CLOEXEC);
    Ran ran;
    auto parsed = parse_command_line(commands, words, std::nullopt);
    {
      Session session(parsed ? parsed->globals : Globals(), out, errors);
      ran.code =
          parsed ? parsed->command->run(session) : session.fail(ExitCode::kUsage, parsed.error().context);
    }
    ran.out = content_of(out);
    ran.errors = content_of(errors);
    ::close(out);
    ::close(errors);
    return ran;
  }
  void expect_refused(const Ran& ran, ExitCode code, const std::string& why) {
    EXPECT_EQ(ran.code, code) << ran.errors;
    EXPECT_EQ(ran.out, "");
    EXPECT_THAT(ran.errors, testing::HasSubstr(why));
  }

  test::MemoryBroker broker_;
  FixedClock clock_;
  std::unique_ptr<api::ApiServer> server_;
};

}  // namespace forebay::cli
