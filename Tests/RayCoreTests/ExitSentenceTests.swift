//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import Testing

@Suite struct ExitSentenceTests {
    @Test("A process's end is told by its signal, with its name where it has one, else by its exit code")
    func sentences() {
        #expect(ExitSentence(code: 1, signal: 0).text == "ended with exit code 1")
        #expect(ExitSentence(code: 1, signal: 9).text == "was killed by signal 9 (SIGKILL)")
        #expect(ExitSentence(code: 0, signal: 40).text == "was killed by signal 40")
        #expect(ExitSentence(code: 0, signal: .min).text == "was killed by signal -2147483648")
    }
}
