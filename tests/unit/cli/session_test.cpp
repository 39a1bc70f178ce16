// A session at a pseudo terminal, against a stream that answers from a script.
#include "cli/terminal/session.h"

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <mutex>

#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "cli/terminal/detach_keys.h"
#include "cli/terminal/raw_mode.h"

namespace skerry::cli {
namespace {

TEST(DetachKeys, AreParsed) {
  EXPECT_EQ(*parse_detach_keys("ctrl-p,ctrl-q"), "\x10\x11");
  EXPECT_EQ(*parse_detach_keys("ctrl-@"), std::string(1, '\0'));
  EXPECT_EQ(*parse_detach_keys("a,ctrl-]"), "a\x1d");
  EXPECT_EQ(*parse_detach_keys(""), "");
  for (const char* text : {"ctrl-", "ctrl-P", "ctrl-1", "ab", "ctrl-pp", "a,,b"}) {
    EXPECT_FALSE(parse_detach_keys(text)) << text;
  }
}

TEST(DetachKeys, HoldBackWhatMayBeTheirBeginning) {
  DetachKeys keys("pq");
  EXPECT_EQ(keys.feed("ap").data, "a");
  EXPECT_EQ(keys.feed("x").data, "px");
  EXPECT_EQ(keys.feed("p").data, "");
  EXPECT_EQ(keys.feed("p").data, "p");
  const auto seen = keys.feed("qrest");
  EXPECT_TRUE(seen.detached);
  EXPECT_EQ(seen.data, "");
}

TEST(DetachKeys, AreFoundBehindTheirOwnBeginning) {
  DetachKeys keys("aab");
  const auto seen = keys.feed("aaab");
  EXPECT_TRUE(seen.detached);
  EXPECT_EQ(seen.data, "a");
  DetachKeys none("");
  EXPECT_EQ(none.feed("\x10\x11").data, "\x10\x11");
}

class ScriptedStream final : public SessionStream {
 public:
  bool send(std::string_view data) override { return note("data " + std::string(data)); }
  bool send(const v1::TerminalSize& size) override {
    return note("size " + std::to_string(size.columns()) + "x" + std::to_string(size.rows()));
  }
  bool send(const v1::CloseStdin& /*close*/) override { return note("close"); }
  bool send(const v1::Detach& /*detach*/) override {
    note("detach");
    end();
    return true;
  }
  void cancel() override { end(); }
  Result<> finish() override { return status; }

  std::optional<Part> read() override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ended_ || exited_; });
    if (exited_ && !exit_read_) {
      exit_read_ = true;
      return Part{.exit = &exit_};
    }
    return std::nullopt;
  }

  void exit_with(int code) {
    const std::scoped_lock lock(mutex_);
    exit_.set_code(code);
    exited_ = true;
    ended_ = true;
    changed_.notify_all();
  }
  void end() {
    const std::scoped_lock lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }
  void wait_for(const std::string& call) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return calls_.ends_with(call + "\n"); });
  }

  Result<> status;
  /// Called with what the session sends.
  std::function<void(const std::string&)> on_call = [](const std::string&) {};

 private:
  bool note(const std::string& call) {
    {
      const std::scoped_lock lock(mutex_);
      calls_ += call + "\n";
      changed_.notify_all();
    }
    on_call(call);
    return true;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string calls_;
  v1::ExitInfo exit_;
  bool exited_ = false;
  bool exit_read_ = false;
  bool ended_ = false;
};

class AtTerminal : public ::testing::Test {
 protected:
  void SetUp() override {
    block_session_signals();
    int master = -1;
    int slave = -1;
    winsize size{};
    size.ws_col = 100;
    size.ws_row = 40;
    ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, &size), 0);
    master_.reset(master);
    const UniqueFd ours(slave);
    saved_stdin_.reset(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
    ASSERT_EQ(::dup3(slave, STDIN_FILENO, O_CLOEXEC), STDIN_FILENO);
    ASSERT_EQ(::tcgetattr(STDIN_FILENO, &before_), 0);
  }
  void TearDown() override { ::dup3(saved_stdin_.get(), STDIN_FILENO, O_CLOEXEC); }

  void type(std::string_view keys) const {
    ASSERT_EQ(::write(master_.get(), keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  bool is_as_before() const {
    termios now{};
    ::tcgetattr(STDIN_FILENO, &now);
    return now.c_iflag == before_.c_iflag && now.c_oflag == before_.c_oflag &&
           now.c_lflag == before_.c_lflag;
  }

  SessionOptions options_{.terminal = true, .input = true, .detach_keys = "\x10\x11", .signal = {}};
  UniqueFd master_;
  UniqueFd saved_stdin_;
  termios before_{};
};

TEST_F(AtTerminal, PassesKeysOnUntouched) {
  ScriptedStream stream;
  stream.on_call = [&](const std::string& call) {
    // The terminal is raw by the time the size is said.
    if (call == "size 100x40") type("\x03");
    if (call == "data \x03") stream.exit_with(7);
  };
  const auto end = run_session(stream, options_);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->exit->code(), 7);
  EXPECT_TRUE(is_as_before());
}

TEST_F(AtTerminal, DetachesByItsKeys) {
  ScriptedStream stream;
  stream.on_call = [&](const std::string& call) {
    if (call == "size 100x40") type("\x10\x11");
  };
  const auto end = run_session(stream, options_);
  ASSERT_TRUE(end);
  EXPECT_FALSE(end->exit);
  EXPECT_FALSE(end->signal);
  EXPECT_TRUE(is_as_before());
}

TEST_F(AtTerminal, FollowsTheSize) {
  ScriptedStream stream;
  stream.on_call = [&](const std::string& call) {
    winsize size{};
    size.ws_col = 90;
    size.ws_row = 20;
    if (call == "size 100x40") {
      ::ioctl(master_.get(), TIOCSWINSZ, &size);
      ::kill(::getpid(), SIGWINCH);
    }
    if (call == "size 90x20") stream.exit_with(0);
  };
  EXPECT_TRUE(run_session(stream, options_));
}

TEST_F(AtTerminal, IsMendedWhenTheStreamBreaks) {
  ScriptedStream stream;
  stream.status = Error(Code::kUnavailable, "gone");
  stream.on_call = [&](const std::string&) { stream.end(); };
  const auto end = run_session(stream, options_);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().message(), "gone");
  EXPECT_TRUE(is_as_before());
}

TEST_F(AtTerminal, EndsByASignalNobodyTakes) {
  ScriptedStream stream;
  stream.on_call = [&](const std::string&) { ::kill(::getpid(), SIGTERM); };
  const auto end = run_session(stream, options_);
  ASSERT_TRUE(end);
  EXPECT_EQ(*end->signal, SIGTERM);
  EXPECT_TRUE(is_as_before());
}

TEST_F(AtTerminal, PassesSignalsToWhoTakesThem) {
  ScriptedStream stream;
  options_.signal = [&stream](int signal) { stream.exit_with(signal); };
  stream.on_call = [&](const std::string&) { ::kill(::getpid(), SIGHUP); };
  EXPECT_EQ(run_session(stream, options_)->exit->code(), SIGHUP);
}

using AtTerminalDeathTest = AtTerminal;

TEST_F(AtTerminalDeathTest, IsMendedByACrash) {
  const auto crash = [] {
    const auto raw = RawMode::enter(STDIN_FILENO);
    std::abort();
  };
  EXPECT_EXIT(crash(), ::testing::KilledBySignal(SIGABRT), "");
  EXPECT_TRUE(is_as_before());
}

TEST_F(AtTerminalDeathTest, IsMendedWhenNobodyReadsOurOutput) {
  const auto lose_reader = [] {
    const auto raw = RawMode::enter(STDIN_FILENO);
    ::raise(SIGPIPE);
  };
  EXPECT_EXIT(lose_reader(), ::testing::KilledBySignal(SIGPIPE), "");
  EXPECT_TRUE(is_as_before());
}

TEST_F(AtTerminal, NeedsOne) {
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::dup3(null.get(), STDIN_FILENO, O_CLOEXEC), STDIN_FILENO);
  ScriptedStream stream;
  EXPECT_EQ(run_session(stream, options_).error().code(), Code::kFailedPrecondition);
}

TEST_F(AtTerminal, SaysTheEndOfAPipe) {
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::dup3(null.get(), STDIN_FILENO, O_CLOEXEC), STDIN_FILENO);
  ScriptedStream stream;
  options_.terminal = false;
  stream.on_call = [&](const std::string& call) {
    if (call == "close") stream.exit_with(3);
  };
  EXPECT_EQ(run_session(stream, options_)->exit->code(), 3);
}

}  // namespace
}  // namespace skerry::cli
