/** The preload of the second mode: it has what every preload has in common, and changes nothing. */
import 'node:tls'
