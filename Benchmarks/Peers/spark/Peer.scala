package org.apache.spark.peer

import scala.collection.mutable
import scala.concurrent.Promise
import scala.concurrent.duration.Duration
import scala.concurrent.Await
import scala.reflect.ClassTag
import scala.util.{Failure, Success, Try}

import org.apache.spark.{SecurityManager, SparkConf}
import org.apache.spark.launcher.JavaModuleOptions
import org.apache.spark.rpc.{RpcAddress, RpcCallContext, RpcEndpointRef, RpcEnv, ThreadSafeRpcEndpoint}
import org.apache.spark.util.ThreadUtils

/** Asks how many one-way messages have come. */
case object Received

/** Answers bytes with the same bytes, and counts bytes that come without wanting an answer. */
class EchoEndpoint(override val rpcEnv: RpcEnv) extends ThreadSafeRpcEndpoint {
  private var received = 0L

  override def receive: PartialFunction[Any, Unit] = { case _: Array[Byte] => received += 1 }

  override def receiveAndReply(context: RpcCallContext): PartialFunction[Any, Unit] = {
    case bytes: Array[Byte] => context.reply(bytes)
    case Received => context.reply(received)
  }
}

/** Keeps as much on its way as the window allows, from the threads that bring the answers.
  *
  * One-way messages go in batches, each followed by a question that the receiver answers once it has handled them; two
  * batches of half a window each are on their way at a time. All state is guarded by this object's lock.
  */
class Load(ref: RpcEndpointRef, options: Options) {
  private val payload = Array.fill[Byte](options.payload)('a')
  private val batch = if (options.isOneWay) math.max(1, options.window / 2) else 1
  private var running = if (options.isOneWay) math.min(2, options.window) else options.window
  private val recorder = new Recorder(options)
  private var confirmed = 0L
  private val ended = Promise[Unit]()

  def run(): Unit = {
    val lanes = running
    for (_ <- 0 until lanes) ask()
    Await.result(ended.future, Duration.Inf)
    recorder.print()
  }

  private def ask(): Unit = {
    val begin = System.nanoTime()
    if (options.isOneWay) {
      // A batch and its question stay together, so that the answers count whole batches.
      synchronized {
        for (_ <- 0 until batch) ref.send(payload)
        request[Long](Received, begin) { received => confirmed += batch; received >= confirmed }
      }
    } else {
      request[Array[Byte]](payload, begin) { _.length == payload.length }
    }
  }

  private def request[Answer: ClassTag](message: Any, begin: Long)(isExpected: Answer => Boolean): Unit =
    ref.ask[Answer](message).onComplete(result => didEnd(begin, result, isExpected))(ThreadUtils.sameThread)

  private def didEnd[Answer](begin: Long, result: Try[Answer], isExpected: Answer => Boolean): Unit = {
    val goesOn = synchronized {
      result match {
        case Success(answer) if isExpected(answer) => recorder.record(begin, batch)
        case Success(_) => ended.tryFailure(new IllegalStateException("an answer that was not expected")); false
        case Failure(error) => ended.tryFailure(error); false
      }
    }
    if (goesOn) ask() else synchronized {
      running -= 1
      if (running == 0) ended.trySuccess(())
    }
  }
}

/** Spark's RpcEnv with its defaults, so that messages go through Java's serialisation. */
object Peer {
  def main(arguments: Array[String]): Unit = {
    val options = new Options(mutable.Queue(arguments: _*))
    options.command match {
      // What Java has to be started with, as Spark's own launcher says.
      case "java-options" => println(JavaModuleOptions.defaultModuleOptions)
      case "serve" => serve()
      case _ => run(options)
    }
    sys.runtime.halt(0)
  }

  private def environment(isClient: Boolean): RpcEnv = {
    val configuration = new SparkConf(false)
    RpcEnv.create("peer", "127.0.0.1", 0, configuration, new SecurityManager(configuration), isClient)
  }

  private def serve(): Unit = {
    val env = environment(isClient = false)
    env.setupEndpoint("echo", new EchoEndpoint(env))
    println(s"listening on ${env.address.port}")
    while (System.in.read() >= 0) {}
  }

  private def run(options: Options): Unit = {
    val server = RpcAddress("127.0.0.1", options.address.toInt)
    new Load(environment(isClient = true).setupEndpointRef(server, "echo"), options).run()
  }
}
