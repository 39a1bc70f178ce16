/// What the log rows have every contender write: COUNT lines of LENGTH bytes, each with its number,
/// so that a reader sees what is missing. As fast as the reader takes them.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { kBlock = 1 << 16, kDigits = 10, kMost = 4096 };

static void write_all(const char* data, size_t size) {
  while (size > 0) {
    const ssize_t written = write(STDOUT_FILENO, data, size);
    if (written < 0) _exit(1);
    data += written;
    size -= (size_t)written;
  }
}

int main(int argc, char** argv) {
  const long count = argc == 3 ? strtol(argv[1], NULL, 10) : 0;
  const long length = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
  if (count < 1 || length <= kDigits || length > kMost) {
    (void)fputs("usage: lines COUNT LENGTH\n", stderr);
    return 2;
  }
  static char block[kBlock + kMost];
  size_t filled = 0;
  for (long number = 0; number < count; number++) {
    char* line = block + filled;
    memset(line, 'x', (size_t)length - 1);
    char digits[32];
    (void)snprintf(digits, sizeof digits, "%010ld", number);
    memcpy(line, digits, kDigits);
    line[length - 1] = '\n';
    filled += (size_t)length;
    if (filled < kBlock) continue;
    write_all(block, filled);
    filled = 0;
  }
  write_all(block, filled);
  return 0;
}
