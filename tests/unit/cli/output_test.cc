#include "cli/output.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

namespace forebay::cli {
namespace {

Value rows() {
  Value list = Value::array();
  list.push(Value::object().set("name", "orders").set("partitions", 12).set("bytes", 1536U).set("id", "a-1"));
  list.push(
      Value::object().set("name", "caf\xC3\xA9").set("partitions", 3).set("bytes", nullptr).set("id", "b-2"));
  return list;
}

View table() {
  return {{{"",
            "",
            {{"NAME", "name"},
             {"PARTITIONS", "partitions"},
             {"SIZE", "bytes", Show::kBytes},
             {"ID", "id", Show::kPlain, Column::In::kWide}}}},
          View::Repeat::kNo};
}

TEST(Output, Table) {
  EXPECT_EQ(render(rows(), table(), Format::kText),
            "NAME    PARTITIONS    SIZE\n"
            "orders          12  1.5KiB\n"
            "caf\xC3\xA9             3       -\n");
}

TEST(Output, WideHasMoreColumns) {
  EXPECT_EQ(render(rows(), table(), Format::kWide),
            "NAME    PARTITIONS    SIZE  ID\n"
            "orders          12  1.5KiB  a-1\n"
            "caf\xC3\xA9             3       -  b-2\n");
}

TEST(Output, JsonAndYamlHaveTheRawValues) {
  Value one = Value::array();
  one.push(Value::object().set("bytes", 1536));
  EXPECT_EQ(render(one, table(), Format::kJson), "[\n  {\n    \"bytes\": 1536\n  }\n]\n");
  EXPECT_EQ(render(one, table(), Format::kYaml), "- bytes: 1536\n");
}

TEST(Output, SectionsOfAnObject) {
  const Value value = Value::object()
                          .set("name", "orders")
                          .set("took_ms", 1500)
                          .set("config", Value::object().set("retention.ms", "5").set("x", "y"))
                          .set("empty", Value::array());
  const View view{{{"", "", {{"topic", "name"}, {"took", "took_ms", Show::kDurationMs}}},
                   {"config", "configuration", {}},
                   {"empty", "nothing", {{"A", "a"}}}},
                  View::Repeat::kNo};
  EXPECT_EQ(render(value, view, Format::kText),
            "topic  orders\ntook   1.5s\n\nconfiguration\nretention.ms  5\nx             y\n");
}

TEST(Output, OneBlockForEachItem) {
  Value list = Value::array();
  list.push(Value::object().set("name", "a"));
  list.push(Value::object().set("name", "b"));
  const View view{{{"", "", {{"name", "name"}}}}, View::Repeat::kForEachItem};
  EXPECT_EQ(render(list, view, Format::kText), "name  a\n\nname  b\n");
}

TEST(Output, TextFromOutsideCannotSteerTheTerminal) {
  const Value value = Value::object().set("name", "a\x1b[31m\nb");
  EXPECT_EQ(render(value, {{{"", "", {{"n", "name"}}}}, View::Repeat::kNo}, Format::kText),
            "n  a\\x1b[31m\\x0ab\n");
}

class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe(ends_), 0); }
  ~Pipe() {
    for (int i = 0; i < 2; ++i) close(i);
  }
  void close(int end) {
    if (ends_[end] >= 0) ::close(std::exchange(ends_[end], -1));
  }
  [[nodiscard]] int reader() const { return ends_[0]; }
  [[nodiscard]] int writer() const { return ends_[1]; }

 private:
  int ends_[2] = {-1, -1};
};

TEST(OutputStream, WritesOnFlushAndAtItsEnd) {
  Pipe pipe;
  {
    OutputStream out(pipe.writer());
    out.write("hello ");
    out.write("world");
  }
  char buffer[32];
  EXPECT_EQ(::read(pipe.reader(), buffer, sizeof(buffer)), 11);
  EXPECT_EQ(std::string(buffer, 11), "hello world");
}

TEST(OutputStream, AReaderThatWentAwayIsNoError) {
  ::signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  pipe.close(0);
  OutputStream out(pipe.writer());
  out.write("x");
  out.flush();
  EXPECT_TRUE(out.closed());
  EXPECT_FALSE(out.failed());
  out.write("more");
  out.flush();
}

TEST(OutputStream, OtherFailuresAreErrors) {
  OutputStream out(-1);
  out.write("x");
  out.flush();
  EXPECT_TRUE(out.failed());
  EXPECT_EQ(out.error_number(), EBADF);
}

}  // namespace
}  // namespace forebay::cli
