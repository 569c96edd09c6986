"""Words of API errors, in English and Portuguese, that a scrubbed text from outside may keep.

Add a word if a message of Segura loses something that its reader needs. A word belongs here only if it names a part of
the API or says what went wrong, never because it may be part of a value.
"""

from __future__ import annotations

_ENGLISH = """
a about above accept acceptable accepted access account action activate activated activation active actual added
address administrator after again agreed all allow allowed already also an and another any api apis application apply
are argument array as at attempt attribute audit authenticated authentication authorised authorization authorized
available back backend bad balancer base be because been before being below between blocked body boolean both broken
but by cache call called calls can cannot certificate change changed changes character characters check client
client_id client_secret closed code column configuration configured conflict connect connection constraint contact
contain contains content corrupt could count create created credential credentials current currently data database
date day days deactivate deactivated decode decrypt decryption default delete deleted denied describe description
detail details did different digit digits directory disabled disconnected display does down duplicate duplicated
duration during each edit either email empty enabled encode encrypt encrypted encryption end endpoint enough entity
entry error errors exceed exceeded exceeds exception execute executed execution exist existing exists expected expired
failed fails failure false few field fields file finished first for forbidden form format found from full gateway get
given gone grant granted group groups groups_allowed had has have header headers held here hidden hold host hour hours
http https id identifier identifier_code if ignored illegal in inactive incorrect index inform information informed
input inside int integer internal into invalid ip is it item items its json justification justify key keys kind last
later least left length less letter letters level limit limited limiting limits line list listed load local locked
login long longer lost maintenance malformed many match matched matches maximum may message method minimum minute
minutes missing mode modified module more most much must mysafe name names need needed needs negative network new next
no node none not note notes nothing now null number numbers object of off ok old on one only open operation optional
or order other out output outside over own owner page parameter parameters parse part partial pattern peer per
permission permissions permitted phase please policy port positive possible prefix private process processed
processing property protocol provided provider proxy public put query queue quota range rate reached read reading
reason received record redirect referer refresh refused registered reject rejected related remote removed repeated
replaced request requested requests required requires reset resolution resolve resource response restricted result
retries retry revoked right rights ring role roles route row rule same save saved scheme scim scope search second
seconds secret secretapi secrets see segura send senhasegura sent server servers service session set share shared
shared_error sharing should show shown side sign signature single site size slow so some something source space
special specified state status step still stopped store stored string sub subject success successful successfully such
supported surprise system table tag tags temporarily temporary tenant text than that the their them then there these
this those time timed timeout timing to token too total transaction true try type unable unauthorized unavailable
under unexpected unique unit unknown unprocessable unsupported until update updated upstream url use used user
username users users_allowed using valid validate validation value values vault verification verify version view
visible waiting was weak were what when where whether which while who will with within without word would write
written wrong yes yet you your
"""
_PORTUGUESE = """
acessar acesso acima administrador ainda alterado alterar antes ao aos apenas aplicativo após argumento arquivo
atingido ativo atual atualizada atualizado autenticação autorizada autorizado autorização bloqueado cabeçalho
cadastrada cadastrado campo campos caracteres certificado chamada chave cliente com como conexão conta contém criado
criptografia código dados das de deve devem dia dias do dos duplicado em encontrada encontrado endereço entrada
enviado erro erros esperado está estão excedido excluído existe existente expirada expirado falha falhou formato grupo
grupos identificador inativa inativo indisponível inesperado inexistente informada informado informar inválida
inválido já limitado limite lista maior mais menor mensagem muito máximo método mínimo na nas nem nenhum nenhuma nome
nos nota notas novamente não número obrigatória obrigatório os ou para parâmetro parâmetros pela pelo permissão
permitido pode por possui processar proprietário qualquer recurso recusado registro requisição resposta rota segredo
segredos segundos sem senha ser servidor serviço sessão sistema sobre sucesso tamanho tempo tente tipo título um uma
usuário usuários valor valores vazio você
"""
WORDS = frozenset(_ENGLISH.split()) | frozenset(_PORTUGUESE.split())
NUMBERS = frozenset({"1001", "1005", "1006", "1009", "1010", "1105"})
"""Documented error codes (contract 7), which may be stored although a secret value may contain the same digits."""
