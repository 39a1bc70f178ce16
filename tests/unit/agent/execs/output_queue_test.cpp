#include "agent/attach/output_queue.h"

#include <gtest/gtest.h>

namespace skerry::agent {
namespace {

using WhenFull = OutputQueue::WhenFull;

OutputPiece bytes(OutputSource source, std::string text) {
  return {.source = source, .bytes = std::move(text)};
}

OutputPiece missed(OutputSource source, std::uint64_t count) {
  return {.source = source, .bytes = {}, .missed = count};
}

TEST(OutputQueue, JoinsNeighboursOfOneStream) {
  OutputQueue queue(100, WhenFull::kDropNewest);
  queue.push(OutputSource::kStdout, "ab");
  queue.push(OutputSource::kStdout, "cd");
  queue.push(OutputSource::kStderr, "e");
  queue.push(OutputSource::kStdout, "f");
  EXPECT_EQ(queue.take(), bytes(OutputSource::kStdout, "abcd"));
  EXPECT_EQ(queue.take(), bytes(OutputSource::kStderr, "e"));
  EXPECT_EQ(queue.take(), bytes(OutputSource::kStdout, "f"));
  EXPECT_EQ(queue.take(), std::nullopt);
}

TEST(OutputQueue, GivesNoPieceAboveTheLargest) {
  OutputQueue queue(1UL << 20U, WhenFull::kDropNewest);
  queue.push(OutputSource::kStdout, std::string(40'000, 'a'));
  queue.push(OutputSource::kStdout, std::string(40'000, 'b'));
  EXPECT_EQ(queue.take()->bytes.size(), 40'000U);
  EXPECT_EQ(queue.take()->bytes.size(), 40'000U);
}

TEST(OutputQueue, TellsInPlaceWhatTheNewestLost) {
  OutputQueue queue(4, WhenFull::kDropNewest);
  queue.push(OutputSource::kStdout, "abc");
  queue.push(OutputSource::kStdout, "de");
  queue.push(OutputSource::kStdout, "fgh");
  EXPECT_TRUE(!queue.full());
  EXPECT_EQ(queue.take(), bytes(OutputSource::kStdout, "abc"));
  queue.push(OutputSource::kStdout, "ij");
  EXPECT_EQ(queue.take(), missed(OutputSource::kStdout, 5));
  EXPECT_EQ(queue.take(), bytes(OutputSource::kStdout, "ij"));
  EXPECT_EQ(queue.dropped(), 5U);
}

TEST(OutputQueue, OneGapOfBothStreamsIsOneNote) {
  OutputQueue queue(2, WhenFull::kDropNewest);
  queue.push(OutputSource::kStdout, "ab");
  for (int i = 0; i < 1000; ++i) {
    queue.push(i % 2 == 0 ? OutputSource::kStdout : OutputSource::kStderr, "x");
  }
  EXPECT_EQ(queue.take(), bytes(OutputSource::kStdout, "ab"));
  EXPECT_EQ(queue.take(), missed(OutputSource::kEither, 1000));
  EXPECT_TRUE(queue.empty());
}

TEST(OutputQueue, TheOldestGoesFirst) {
  OutputQueue queue(4, WhenFull::kDropOldest);
  queue.push(OutputSource::kStdout, "ab");
  queue.push(OutputSource::kStderr, "cd");
  queue.push(OutputSource::kStdout, "ef");
  EXPECT_EQ(queue.take(), missed(OutputSource::kStdout, 2));
  EXPECT_EQ(queue.take(), bytes(OutputSource::kStderr, "cd"));
  EXPECT_EQ(queue.take(), bytes(OutputSource::kStdout, "ef"));
}

TEST(OutputQueue, WhatTheOldestLostAddsUp) {
  OutputQueue queue(2, WhenFull::kDropOldest);
  for (int i = 0; i < 100; ++i) queue.push(OutputSource::kStdout, "ab");
  EXPECT_EQ(queue.take(), missed(OutputSource::kStdout, 198));
  EXPECT_EQ(queue.take(), bytes(OutputSource::kStdout, "ab"));
  EXPECT_EQ(queue.dropped(), 198U);
}

TEST(OutputQueue, APieceAboveTheLimitIsTakenByAnEmptyQueue) {
  OutputQueue queue(2, WhenFull::kDropNewest);
  queue.push(OutputSource::kStdout, "abcdef");
  EXPECT_TRUE(queue.full());
  EXPECT_EQ(queue.take(), bytes(OutputSource::kStdout, "abcdef"));
}

TEST(OutputQueue, TakesTheFrameThatFillsIt) {
  OutputQueue queue(4, WhenFull::kTakesAll);
  queue.push(OutputSource::kStdout, "abc");
  EXPECT_FALSE(queue.full());
  queue.push(OutputSource::kStdout, "def");
  EXPECT_TRUE(queue.full());
  EXPECT_EQ(queue.take(), bytes(OutputSource::kStdout, "abcdef"));
  EXPECT_EQ(queue.dropped(), 0U);
}

TEST(OutputQueue, TellsWhatWasLostBefore) {
  OutputQueue queue(10, WhenFull::kDropNewest);
  queue.push_missed(OutputSource::kEither, 7);
  queue.push(OutputSource::kStdout, "a");
  EXPECT_EQ(queue.take(), missed(OutputSource::kEither, 7));
  EXPECT_EQ(queue.take(), bytes(OutputSource::kStdout, "a"));
  EXPECT_EQ(queue.dropped(), 0U);
}

}  // namespace
}  // namespace skerry::agent
