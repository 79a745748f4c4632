//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation

/// Archives of zipfile, Python's own, with deflated entries: blocks with codes of their own and with the fixed ones.
enum ForeignArchive {
    /// `numbers.txt`, `fixed.txt`, `bin/run.sh`, `empty`, `words.txt`.
    static let bytes: [UInt8] = {
        let text = """
            UEsDBBQAAAAIAAAAIQB0+WSqrwQAAKaNAwALAAAAbnVtYmVycy50eHTt0LsRRDEIA8CGFPiP3X9j97q4ZCMFaAbYlkpfGT3jZu6s
            kfWyT85MtVTlrryed7PSe/rN2Jkj82Wd7JnTciq1cnvuzdv5Mn1njIyXebJmdsuunJXqqZu780betyh9pL+MkzmzWlZlr5yec1M7
            d+S+vJOvnf7FzGyZlbWye/bN2amRerknb6a375z0mdEyKnNl9aybvXNGzkud3JnX8r7pV0+vjJXZM78Xd/bIfjknNXNbbuWtNEqU
            KFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGi
            RIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkS
            JUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqU
            KFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGi
            RIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkS
            JUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqU
            KFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGi
            RIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkS
            JUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqU
            KFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGi
            RIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkS
            JUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqU
            KFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGi
            RIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGiRIkSJUqUKFGi9BelH1BLAwQUAAAACAAAACEAwkEkNQUAAAADAAAACQAAAGZpeGVk
            LnR4dEtMSgYAUEsDBBQAAAAAAAAAIQAdnfsECgAAAAoAAAAKAAAAYmluL3J1bi5zaCMhL2Jpbi9zaApQSwMEFAAAAAgAAAAhAAAA
            AAACAAAAAAAAAAUAAABlbXB0eQMAUEsDBBQAAAAIAAAAIQBAkf47PAAAAKgAAAAJAAAAd29yZHMudHh0C8lIVSgszUzOVkgqyi/P
            U0jLr1DIKs0tKFbIL0stUigBSuckVlUqpOSn6ykYGBoZm5iamVtYcoXQWR8AUEsBAhQDFAAAAAgAAAAhAHT5ZKqvBAAApo0DAAsA
            AAAAAAAAAAAAAKSBAAAAAG51bWJlcnMudHh0UEsBAhQDFAAAAAgAAAAhAMJBJDUFAAAAAwAAAAkAAAAAAAAAAAAAAKSB2AQAAGZp
            eGVkLnR4dFBLAQIUAxQAAAAAAAAAIQAdnfsECgAAAAoAAAAKAAAAAAAAAAAAAADtgQQFAABiaW4vcnVuLnNoUEsBAhQDFAAAAAgA
            AAAhAAAAAAACAAAAAAAAAAUAAAAAAAAAAAAAAKSBNgUAAGVtcHR5UEsBAhQDFAAAAAgAAAAhAECR/js8AAAAqAAAAAkAAAAAAAAA
            AAAAAKSBWwUAAHdvcmRzLnR4dFBLBQYAAAAABQAFABIBAAC+BQAAAAA=
            """
        return Array(Data(base64Encoded: text, options: .ignoreUnknownCharacters) ?? Data())
    }()

    /// What is in `numbers.txt`.
    static let numbers = Array((0..<80_000).map { "\($0 * 7 % 101)," }.joined().utf8)
    /// What is in `words.txt`.
    static let words = Array(
        String(repeating: "The quick brown fox jumps over the lazy dog. 0123456789\n", count: 3).utf8)
}
