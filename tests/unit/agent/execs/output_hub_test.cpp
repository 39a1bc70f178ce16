#include "agent/attach/output_hub.h"

#include <gtest/gtest.h>

#include "agent/execs/exec_output.h"
#include "fixtures.h"
#include "launcher/shim_protocol.h"
#include "os/socket.h"

namespace skerry::agent {
namespace {

using launcher::FrameHeader;
using launcher::FrameType;

/// The shim's end of attached sockets.
class FakeShim {
 public:
  void attach(const std::function<void(Result<AttachedOutput>)>& done) {
    auto pair = os::make_socket_pair();
    ASSERT_TRUE(pair);
    socket_ = std::move(pair->second);
    done(AttachedOutput{.socket = std::move(pair->first),
                        .position = {.file_ns = 1, .offset = ++asked}});
  }
  void send(FrameType type, std::string_view bytes, std::uint64_t missed = 0) {
    FrameHeader header{
        .type = type, .length = static_cast<std::uint32_t>(bytes.size()), .missed = missed};
    std::string message(reinterpret_cast<const char*>(&header), sizeof header);
    message += bytes;
    ASSERT_TRUE(os::send_message(socket_.get(), message));
  }
  void end() { socket_.reset(); }
  std::uint64_t asked = 0;

 private:
  UniqueFd socket_;
};

class Hub : public ::testing::Test {
 protected:
  std::shared_ptr<OutputHub::Client> join(std::size_t limit = 1000, bool err = true) {
    auto client = std::make_shared<OutputHub::Client>(limit, true, err);
    hub.join(client, [](const Result<AttachedOutput>& result) { EXPECT_TRUE(result); });
    return client;
  }
  static std::string all(OutputHub::Client& client) {
    std::string text;
    while (const auto piece = client.queue.take()) {
      text += piece->missed > 0 ? "<" + std::to_string(piece->missed) + ">" : piece->bytes;
    }
    return text;
  }
  void turns() {
    for (int i = 0; i < 8; ++i) reactor->turn();
  }

  tests::KeptTrace trace;
  SystemClock clock;
  std::unique_ptr<runtime::Reactor> reactor = *runtime::Reactor::create(clock, trace.get());
  FakeShim shim;
  OutputHub hub{*reactor, [this](const std::function<void(Result<AttachedOutput>)>& done) {
                  // A new stream ends the one before.
                  shim.attach(done);
                }};
};

TEST_F(Hub, EveryClientGetsAll) {
  const auto first = join();
  const auto second = join();
  shim.send(FrameType::kStdout, "ab");
  shim.send(FrameType::kStderr, "c");
  turns();
  EXPECT_EQ(all(*first), "abc");
  EXPECT_EQ(all(*second), "abc");
}

TEST_F(Hub, ANewcomerBeginsWhereItsStreamDoes) {
  const auto first = join();
  shim.send(FrameType::kStdout, "before ");
  const auto second = join();
  shim.send(FrameType::kStdout, "after");
  turns();
  EXPECT_EQ(all(*first), "before after");
  EXPECT_EQ(all(*second), "after");
  EXPECT_EQ(shim.asked, 2U);
}

TEST_F(Hub, OnlyTheSlowOneMisses) {
  const auto slow = join(4);
  const auto fast = join(1000);
  shim.send(FrameType::kStdout, "abcd");
  shim.send(FrameType::kStdout, "efgh");
  turns();
  EXPECT_EQ(all(*slow), "abcd<4>");
  EXPECT_EQ(all(*fast), "abcdefgh");
}

TEST_F(Hub, WhatTheShimDroppedIsTold) {
  const auto client = join();
  shim.send(FrameType::kStdout, "a");
  shim.send(FrameType::kMissed, "", 77);
  turns();
  EXPECT_EQ(all(*client), "a<77>");
}

TEST_F(Hub, StreamsThatAreNotWantedDoNotCome) {
  const auto client = join(1000, false);
  shim.send(FrameType::kStderr, "err");
  shim.send(FrameType::kStdout, "out");
  turns();
  EXPECT_EQ(all(*client), "out");
}

TEST_F(Hub, TheEndReachesEveryone) {
  const auto first = join();
  const auto second = join();
  int woken = 0;
  second->on_ready = [&woken] { ++woken; };
  shim.end();
  turns();
  EXPECT_TRUE(first->ended);
  EXPECT_TRUE(second->ended);
  EXPECT_EQ(woken, 1);
}

TEST_F(Hub, AClientMayLeaveWhileItIsCalled) {
  auto client = join();
  client->on_ready = [this, &client] { hub.leave(client); };
  shim.send(FrameType::kStdout, "a");
  shim.send(FrameType::kStdout, "b");
  turns();
  EXPECT_TRUE(hub.idle());
}

TEST_F(Hub, AMalformedFrameEndsTheStream) {
  const auto client = join();
  shim.send(static_cast<FrameType>(9), "x");
  turns();
  EXPECT_TRUE(client->ended);
  EXPECT_EQ(all(*client), "");
}

class Output : public Hub {
 protected:
  void connect(ExecOutput& output) {
    output.connecting();
    shim.attach([&output](Result<AttachedOutput> attached) {
      ASSERT_TRUE(attached);
      ASSERT_TRUE(output.connect(std::move(attached->socket)));
    });
  }
  static std::string drain(ExecOutput& output) {
    std::string text;
    while (const auto piece = output.take()) {
      text += piece->missed > 0 ? "<" + std::to_string(piece->missed) + ">" : piece->bytes;
    }
    return text;
  }
};

TEST_F(Output, WaitsForAClientBeforeItReads) {
  ExecOutput output(*reactor, v1::EXEC_OUTPUT_WAIT);
  EXPECT_FALSE(output.wants_connection());
  output.set_client([] {});
  EXPECT_TRUE(output.wants_connection());
  connect(output);
  output.clear_client();
  shim.send(FrameType::kStdout, "kept");
  turns();
  EXPECT_EQ(drain(output), "");
  output.set_client([] {});
  turns();
  EXPECT_EQ(drain(output), "kept");
}

TEST_F(Output, AClientThatDoesNotTakeStopsTheReading) {
  ExecOutput output(*reactor, v1::EXEC_OUTPUT_WAIT);
  output.set_client([] {});
  connect(output);
  // Not a part of what fits: the last frame goes beyond.
  const std::string block(15'000, 'x');
  for (int i = 0; i < 6; ++i) shim.send(FrameType::kStdout, block);
  turns();
  // 64 KiB here, the rest still in the socket; all of it comes when it is taken.
  std::size_t taken = 0;
  while (taken < 6 * block.size()) {
    const auto piece = output.take();
    if (!piece) {
      turns();
      continue;
    }
    EXPECT_EQ(piece->missed, 0U);
    taken += piece->bytes.size();
  }
  EXPECT_EQ(output.dropped(), 0U);
}

TEST_F(Output, DropsTheOldestWhereTheSpecSaysSo) {
  ExecOutput output(*reactor, v1::EXEC_OUTPUT_DROP);
  EXPECT_TRUE(output.wants_connection());
  connect(output);
  const std::string block(16UL * 1024, 'x');
  for (int i = 0; i < 6; ++i) {
    shim.send(FrameType::kStdout, block);
    turns();
  }
  EXPECT_EQ(output.dropped(), 2 * block.size());
  const auto gap = output.take();
  ASSERT_TRUE(gap);
  EXPECT_EQ(gap->missed, 2 * block.size());
}

TEST_F(Output, IsDoneWhenTheLastOfItIsTaken) {
  ExecOutput output(*reactor, v1::EXEC_OUTPUT_WAIT);
  output.set_client([] {});
  connect(output);
  shim.send(FrameType::kStdout, "last");
  shim.end();
  // The shim is gone, its socket is not empty.
  output.end();
  EXPECT_FALSE(output.done());
  turns();
  EXPECT_FALSE(output.done());
  EXPECT_EQ(drain(output), "last");
  EXPECT_TRUE(output.done());
}

}  // namespace
}  // namespace skerry::agent
