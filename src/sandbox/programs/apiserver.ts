/** kube-apiserver of the sandbox: a process that runs in a container of its node, which CONTAINER_FILE describes. */
import { main } from '../apiserver/main';
import { openRest } from '../apiserver/rest';

void main(openRest);
