package org.apache.spark.peer

import java.util.Locale

import scala.collection.mutable

/** The command line of a peer. */
class Options(arguments: mutable.Queue[String]) {
  val command: String = arguments.dequeue()
  private val values = arguments.grouped(2).map(pair => pair.head -> pair.last).toMap

  val address: String = values.getOrElse("--address", "")
  val isOneWay: Boolean = values.get("--scenario").contains("one-way")
  val payload: Int = values.getOrElse("--payload", "16").toInt
  val window: Int = values.getOrElse("--window", "128").toInt
  val seconds: Double = values.getOrElse("--seconds", "2").toDouble
  val warmup: Double = values.getOrElse("--warmup", "5").toDouble
}

/** Nanoseconds, counted in buckets that are at most 1 % wide. */
class Histogram {
  private val buckets = new Array[Long](64 * 128)
  private var total = 0L

  def add(value: Long): Unit = {
    buckets(index(value)) += 1
    total += 1
  }

  def microsecondsAt(percentile: Double): Double = {
    val wanted = (percentile / 100 * total).toLong
    var seen = 0L
    val bucket = buckets.indexWhere { count => seen += count; seen > wanted }
    if (bucket < 0) 0 else lowest(bucket) / 1000.0
  }

  // Values below 256 are exact; above, the 7 bits behind the highest one count.
  private def index(value: Long): Int =
    if (value < 256) value.toInt
    else {
      val shift = 63 - java.lang.Long.numberOfLeadingZeros(value) - 7
      shift * 128 + (value >> shift).toInt
    }

  private def lowest(index: Int): Long =
    if (index < 256) index
    else {
      val shift = index / 128 - 1
      (index - shift * 128).toLong << shift
    }
}

/** What came back while counting was on, and how long it took. Guarded by its owner. */
class Recorder(options: Options) {
  private val start = System.nanoTime() + (options.warmup * 1e9).toLong
  private val end = start + (options.seconds * 1e9).toLong
  private var last = start
  private var messages = 0L
  private val latencies = new Histogram

  /** Counts `count` messages that were sent at `begin`, if that was while counting. Returns whether to go on. */
  def record(begin: Long, count: Int): Boolean = {
    val now = System.nanoTime()
    if (begin >= start) {
      messages += count
      last = now
      latencies.add(now - begin)
    }
    now < end
  }

  def print(): Unit = println(
    "{\"messages\": %d, \"seconds\": %.6f, \"p50_us\": %.3f, \"p99_us\": %.3f}".formatLocal(
      Locale.ROOT, messages, (last - start) / 1e9, latencies.microsecondsAt(50), latencies.microsecondsAt(99)))
}
