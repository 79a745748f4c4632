//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// Keeps the durable state of a GCS beyond its process.
///
///     append ──▶ (gathered) ──commit──▶ durable ──▶ completion
///
/// What is appended before a `commit` is durable together or not at all, and in order with what came before.
package protocol Journal: AnyObject, Sendable {
    /// All entries that are durable, one record each, in order of table and key. To be called once, first.
    ///
    /// - Throws: `systemError` if the journal is damaged or in use; the message names the file and the remedy.
    func recover() throws(RayError) -> [JournalRecord]

    /// Takes changes; they become durable with the next `commit`. Does not block.
    func append(_ records: [JournalRecord])

    /// Makes all that was appended durable. Does not block.
    ///
    /// - Parameter completion: on any thread, in the order of the calls; an error is the end of the journal.
    func commit(_ completion: @escaping @Sendable (RayError?) -> Void)

    /// Makes durable what was appended, and ends.
    func close()
}
